//! The gateway's clock, trusted only as far as it is not behind what has certainly passed.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time that had passed when this program was made: 2026-01-01T00:00:00Z.
const PROGRAM_MADE: u64 = 1_767_225_600;

/// The system clock, which has no time while it is behind the floor.
///
/// A gateway without a battery boots in 1970. By that clock every certificate would be not yet valid, or an expired one
/// still valid; without a time rustls refuses to verify, and the session tries again later.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlooredClock {
    image_made: u64,
}

/// The system clock is behind a time that has certainly passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockBehind {
    /// What it says, in Unix seconds.
    now: i64,
    passed: u64,
    witness: Witness,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Witness {
    Image,
    Program,
}

impl FlooredClock {
    /// `image_made`: the image's time floor, in Unix seconds.
    pub(super) fn new(image_made: u64) -> Self {
        Self { image_made }
    }

    /// Refuses a clock that makes no sense.
    pub(super) fn check(self) -> Result<(), ClockBehind> {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => self.check_at(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Err(before) => {
                let before = i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX);
                self.check_at(-before)
            }
        }
    }

    fn check_at(self, now: i64) -> Result<(), ClockBehind> {
        let (passed, witness) = if self.image_made > PROGRAM_MADE {
            (self.image_made, Witness::Image)
        } else {
            (PROGRAM_MADE, Witness::Program)
        };
        match u64::try_from(now) {
            Ok(now) if now >= passed => Ok(()),
            _ => Err(ClockBehind { now, passed, witness }),
        }
    }
}

impl TimeProvider for FlooredClock {
    fn current_time(&self) -> Option<UnixTime> {
        self.check().ok()?;
        SystemTime::now().duration_since(UNIX_EPOCH).ok().map(UnixTime::since_unix_epoch)
    }
}

impl fmt::Display for ClockBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let witness = match self.witness {
            Witness::Image => "the image was made",
            Witness::Program => "this program was made",
        };
        let passed = date(i64::try_from(self.passed).unwrap_or(i64::MAX));
        write!(
            f,
            "the system clock says {}, and {witness} at {passed} or later; set the clock",
            date(self.now)
        )
    }
}

/// Unix seconds as people read them, or as they are where there is no such date.
pub(super) fn date(seconds: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|date| date.format(&Rfc3339).ok());
    date.unwrap_or_else(|| format!("{seconds} (Unix seconds)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_image_or_the_program_is_behind_and_says_so() {
        let clock = FlooredClock::new(1_800_000_000);
        assert_eq!(clock.check_at(1_800_000_000), Ok(()));
        assert_eq!(
            clock.check_at(20).unwrap_err().to_string(),
            "the system clock says 1970-01-01T00:00:20Z, and the image was made at 2027-01-15T08:00:00Z or later; set \
             the clock"
        );
        for now in [i64::MIN, -1, 0, 1_799_999_999] {
            assert!(clock.check_at(now).is_err(), "{now}");
        }
        let old = FlooredClock::new(0);
        let behind = old.check_at(1_767_225_599).unwrap_err().to_string();
        assert!(behind.contains("this program was made at 2026-01-01T00:00:00Z"), "{behind}");
        assert_eq!(old.check_at(1_767_225_600), Ok(()));
        assert!(FlooredClock::new(u64::MAX).check_at(i64::MAX).is_err());
    }
}
