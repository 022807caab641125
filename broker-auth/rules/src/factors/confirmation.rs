//! [`Confirmation`]: how long ago the server of a key set said that this is what it has.

use std::time::{Duration, Instant, SystemTime};

use rustls_pki_types::UnixTime;

/// When the server of a key set said last that this is what it has.
///
/// Its age is counted twice, by the clock and by the time that has passed since it was first seen, and the longer one counts:
/// a clock that is set back makes nothing younger, and a time in the future is one that is first seen now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmation {
    /// The time of modification of its file, as it was found.
    modified: SystemTime,
    /// The same, no later than when it was first seen.
    at: UnixTime,
    age_when_seen: Duration,
    seen: Instant,
}

impl Confirmation {
    /// A file that was modified then, seen for the first time at `now`.
    pub(super) fn seen(modified: SystemTime, now: UnixTime, instant: Instant) -> Self {
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(since).min(now);
        Self { modified, at, age_when_seen: seconds_between(at, now), seen: instant }
    }

    /// When that was.
    pub(super) fn at(&self) -> UnixTime {
        self.at
    }

    /// The first second at which it is older than `max_age`, by the clock.
    pub(super) fn ends(&self, max_age: Duration) -> UnixTime {
        let ends = self.at.as_secs().saturating_add(max_age.as_secs()).saturating_add(1);
        UnixTime::since_unix_epoch(Duration::from_secs(ends))
    }

    /// How long ago it was.
    pub(super) fn age(&self, now: UnixTime, instant: Instant) -> Duration {
        let since_seen = self.age_when_seen.saturating_add(instant.saturating_duration_since(self.seen));
        seconds_between(self.at, now).max(since_seen)
    }

    /// Whether it is the one that was seen already as `other`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.modified == other.modified
    }
}

fn seconds_between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn modified(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_age_is_the_longer_of_two() {
        let seen = Instant::now();
        let confirmation = Confirmation::seen(modified(1000), at(1060), seen);
        assert_eq!((confirmation.at(), confirmation.ends(60 * SECOND)), (at(1000), at(1061)));
        assert_eq!(confirmation.age(at(1060), seen), 60 * SECOND);
        // Both go on alike.
        assert_eq!(confirmation.age(at(1070), seen + 10 * SECOND), 70 * SECOND);
        // The clock stands still, is set back, is set ahead.
        assert_eq!(confirmation.age(at(1060), seen + 10 * SECOND), 70 * SECOND);
        assert_eq!(confirmation.age(at(0), seen + 10 * SECOND), 70 * SECOND);
        assert_eq!(confirmation.age(at(2000), seen + 10 * SECOND), 1000 * SECOND);
    }

    #[test]
    fn one_of_the_future_is_as_old_as_it_is_known() {
        let seen = Instant::now();
        let confirmation = Confirmation::seen(modified(9000), at(1000), seen);
        assert_eq!(confirmation.at(), at(1000));
        assert_eq!(confirmation.age(at(1000), seen), Duration::ZERO);
        assert_eq!(confirmation.age(at(1000), seen + 50 * SECOND), 50 * SECOND);
        assert_eq!(confirmation.age(at(1100), seen), 100 * SECOND);
        assert!(confirmation.is_same(&Confirmation::seen(modified(9000), at(1100), seen + 100 * SECOND)));
    }

    proptest! {
        #[test]
        fn time_that_passes_makes_nothing_younger(
            written in 0_u64..4_000_000_000, first in 0_u64..4_000_000_000, now in 0_u64..4_000_000_000,
            passed in 0_u64..1_000_000,
        ) {
            let seen = Instant::now();
            let confirmation = Confirmation::seen(modified(written), at(first), seen);
            let age = confirmation.age(at(now), seen + Duration::from_secs(passed));
            prop_assert!(age >= Duration::from_secs(passed));
            prop_assert!(age >= confirmation.age(at(first), seen));
            prop_assert!(age >= Duration::from_secs(now.saturating_sub(written.min(first))));
        }
    }
}
