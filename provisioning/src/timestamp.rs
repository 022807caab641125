//! [`Timestamp`]: a point in time in whole seconds, as certificates and the registry count them.

mod trusted;

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls_pki_types::UnixTime;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(crate) use trusted::{ClockBehind, Compared, Leap, TrustedNow, Witness, WitnessKind, Witnesses};

/// The length of a day in seconds. Leap seconds do not exist in POSIX time.
pub(crate) const DAY: u64 = 24 * 60 * 60;

/// No clock that says less is right: this program was made later. (2026-01-01T00:00:00Z)
pub(crate) const EARLIEST: Timestamp = Timestamp(1_767_225_600);

/// How far a clock may be ahead of the last act, in seconds, before it has to be agreed to: thirty days.
pub(crate) const LEAP: u64 = 30 * DAY;

/// A point in time between 1970-01-01T00:00:00Z and 9999-12-31T23:59:59Z, in whole seconds.
///
/// The upper end is the last second a certificate can name (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    /// The last second a certificate can name.
    pub(crate) const MAX: Self = Self(253_402_300_799);

    /// From the system clock's type; before 1970 counts as 1970, and after 9999 as [`Timestamp::MAX`].
    pub(crate) fn from_system_time(time: SystemTime) -> Self {
        Self::from_unix(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// From unix seconds; later than [`Timestamp::MAX`] counts as [`Timestamp::MAX`].
    pub(crate) fn from_unix(seconds: u64) -> Self {
        Self(seconds.min(Self::MAX.0))
    }

    /// From the signed seconds that SQLite and x509-parser count in; before 1970 counts as 1970.
    pub(crate) fn from_signed(seconds: i64) -> Self {
        Self::from_unix(u64::try_from(seconds).unwrap_or(0))
    }

    /// Unix seconds, signed.
    pub(crate) fn signed(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// Unix seconds.
    pub(crate) fn unix(self) -> u64 {
        self.0
    }

    /// This many seconds later, at most [`Timestamp::MAX`].
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// This many seconds earlier, at the earliest 1970.
    pub(crate) fn before(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// As rcgen takes it.
    pub(crate) fn date_time(self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(self.signed())
    }

    /// As webpki takes it.
    pub(crate) fn unix_time(self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0))
    }
}

/// A text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written as in 2026-11-30T09:15:00Z")]
pub(crate) struct NotATime;

/// RFC 3339.
impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime)?;
        Ok(Self::from_signed(time.unix_timestamp()))
    }
}

/// RFC 3339, UTC, `Z`, whole seconds: `2026-11-21T08:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.date_time().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_rfc_3339_in_utc_up_to_the_last_second_a_certificate_can_name() {
        assert_eq!(Timestamp::from_unix(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(2_524_608_000).to_string(), "2050-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix(5).before(9), Timestamp::from_unix(0));
    }
}
