//! When a certificate holds (RFC 5280 §4.1.2.5), and the time it is judged by.

use core::fmt;

use super::CertificateError;
use super::der::{DerError, Element, Reader, tag};

/// What a device knows about the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A trusted clock, Unix seconds: both ends of a validity are checked.
    Clock(u64),
    /// The present is this, Unix seconds, or later: `notAfter` before it refuses, `notBefore` cannot be checked.
    Floor(u64),
}

/// `notBefore` and `notAfter`, both inclusive, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: u64,
    not_after: u64,
}

/// Why a certificate does not hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It has ended.
    #[error("expired: notAfter is {not_after}, and it is {time}")]
    Expired {
        /// Unix seconds.
        not_after: u64,
        /// What it was judged by.
        time: Time,
    },
    /// It has not begun.
    #[error("not valid yet: notBefore is {not_before}, and it is {time}")]
    NotYetValid {
        /// Unix seconds.
        not_before: u64,
        /// What it was judged by.
        time: Time,
    },
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(seconds) => write!(f, "{seconds}"),
            Self::Floor(seconds) => write!(f, "{seconds} or later"),
        }
    }
}

impl Validity {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, CertificateError> {
        let mut validity = from.sequence()?;
        let not_before = unix_seconds(validity.element()?)?;
        let not_after = unix_seconds(validity.element()?)?;
        validity.end()?;
        if not_after < not_before {
            return Err(CertificateError::Validity);
        }
        Ok(Self { not_before, not_after })
    }

    /// The first second, Unix time.
    pub const fn not_before(&self) -> u64 {
        self.not_before
    }

    /// The last second, Unix time.
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Does it hold at `time`?
    pub fn check(&self, time: Time) -> Result<(), TimeError> {
        let (Time::Clock(now) | Time::Floor(now)) = time;
        if now > self.not_after {
            return Err(TimeError::Expired { not_after: self.not_after, time });
        }
        if matches!(time, Time::Clock(_)) && now < self.not_before {
            return Err(TimeError::NotYetValid { not_before: self.not_before, time });
        }
        Ok(())
    }
}

/// `YYMMDDHHMMSSZ` up to 2049, `YYYYMMDDHHMMSSZ` from 2050: the one form DER and RFC 5280 leave for each moment.
/// What was before 1970 was before X.509.
fn unix_seconds(time: Element<'_>) -> Result<u64, CertificateError> {
    let (year, rest) = match (time.tag, time.content) {
        (tag::UTC_TIME, [y1, y2, rest @ ..]) => {
            let year = decimal(*y1, *y2)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (tag::GENERALIZED_TIME, [y1, y2, y3, y4, rest @ ..]) => {
            let year = decimal(*y1, *y2)? * 100 + decimal(*y3, *y4)?;
            if year < 2050 {
                return Err(CertificateError::Validity);
            }
            (year, rest)
        }
        (tag::UTC_TIME | tag::GENERALIZED_TIME, _) => return Err(CertificateError::Validity),
        (found, _) => return Err(DerError::Tag { expected: tag::UTC_TIME, found }.into()),
    };
    let [m1, m2, d1, d2, h1, h2, i1, i2, s1, s2, b'Z'] = rest else {
        return Err(CertificateError::Validity);
    };
    let (month, day) = (decimal(*m1, *m2)?, decimal(*d1, *d2)?);
    let (hour, minute, second) = (decimal(*h1, *h2)?, decimal(*i1, *i2)?, decimal(*s1, *s2)?);
    let in_range = (1..=days_in_month(year, month)).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !in_range {
        return Err(CertificateError::Validity);
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(seconds).map_err(|_| CertificateError::Validity)
}

fn decimal(tens: u8, ones: u8) -> Result<i64, CertificateError> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    } else {
        Err(CertificateError::Validity)
    }
}

/// Zero for what is no month.
const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Howard Hinnant's `days_from_civil`, for years from 1950 on: years start in March, so that the leap day is last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}
