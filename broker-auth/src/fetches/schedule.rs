//! [`Schedule`]: when a file is fetched. No clock, no network, no random numbers of its own.

use std::time::Duration;

use tokio::time::Instant;

/// How soon a server is asked again at the earliest, whatever it says of its file, and after a first failure; unless the
/// interval is shorter.
const MIN_WAIT: Duration = Duration::from_secs(60);

/// How far a wait is made longer or shorter, so that brokers that started together do not ask together: a tenth.
const SPREAD: u32 = 10;

/// When a file is fetched.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    due: Instant,
    /// Fetches that failed since one succeeded.
    failures: u32,
}

impl Schedule {
    /// A file that is due at once.
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, due: now, failures: 0 }
    }

    /// When it is to be fetched next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// How often in a row it was not fetched.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// It was fetched. The next time is after the interval, or when the server's `max_age` is over, or when half of the time
    /// `until_next_update` is over, whatever comes first; `random` is any number.
    pub(super) fn succeeded(
        &mut self,
        now: Instant,
        max_age: Option<Duration>,
        until_next_update: Option<Duration>,
        random: u32,
    ) {
        self.failures = 0;
        let asked_for = [max_age, until_next_update.map(|left| left / 2)];
        let wait = asked_for.into_iter().flatten().fold(self.interval, Duration::min);
        self.wait(now, wait, random);
    }

    /// It was not fetched. The next time is after a minute, which doubles with every failure, up to the interval.
    pub(super) fn failed(&mut self, now: Instant, random: u32) {
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        self.wait(now, MIN_WAIT.saturating_mul(doubled), random);
    }

    fn wait(&mut self, now: Instant, wait: Duration, random: u32) {
        let wait = wait.max(MIN_WAIT).min(self.interval);
        let random = f64::from(random) / f64::from(u32::MAX);
        self.due = now + (wait - wait / SPREAD) + (wait / SPREAD * 2).mul_f64(random);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MIDDLE: u32 = u32::MAX / 2;

    fn seconds(schedule: &Schedule, now: Instant) -> u64 {
        (schedule.due() - now + Duration::from_millis(1)).as_secs()
    }

    #[test]
    fn the_shortest_of_what_is_asked_for_counts() {
        let now = Instant::now();
        let (day, minute) = (24 * HOUR, HOUR / 60);
        for (max_age, until_next_update, expected) in [
            (None, None, 3600),
            (Some(10 * minute), None, 600),
            (Some(day), None, 3600),
            (None, Some(day), 3600),
            (None, Some(HOUR), 1800),
            (Some(10 * minute), Some(HOUR), 600),
            (Some(HOUR), Some(10 * minute), 300),
            (Some(Duration::ZERO), None, 60),
            (None, Some(Duration::ZERO), 60),
        ] {
            let mut schedule = Schedule::new(HOUR, now);
            assert_eq!(schedule.due(), now, "the first time is at once");
            schedule.succeeded(now, max_age, until_next_update, MIDDLE);
            assert_eq!(seconds(&schedule, now), expected, "{max_age:?} {until_next_update:?}");
        }
    }

    #[test]
    fn failures_double_the_wait_up_to_the_interval_and_success_forgets_them() {
        let now = Instant::now();
        let mut schedule = Schedule::new(HOUR, now);
        for expected in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
            schedule.failed(now, MIDDLE);
            assert_eq!(seconds(&schedule, now), expected);
        }
        for _ in 0..100 {
            schedule.failed(now, MIDDLE);
        }
        assert_eq!((seconds(&schedule, now), schedule.failures()), (3600, 108));
        schedule.succeeded(now, None, None, MIDDLE);
        schedule.failed(now, MIDDLE);
        assert_eq!((seconds(&schedule, now), schedule.failures()), (60, 1));
    }

    #[test]
    fn a_short_interval_is_kept() {
        let now = Instant::now();
        let mut schedule = Schedule::new(Duration::from_secs(2), now);
        schedule.succeeded(now, Some(HOUR), Some(HOUR), MIDDLE);
        assert_eq!(seconds(&schedule, now), 2);
        schedule.failed(now, MIDDLE);
        schedule.failed(now, MIDDLE);
        assert_eq!(seconds(&schedule, now), 2);
    }

    proptest! {
        #[test]
        fn no_wait_is_a_tenth_longer_or_shorter_than_it_should_be(
            interval in 1_u64..2_592_000,
            max_age: Option<u32>,
            left: Option<u32>,
            failures in 0_u32..70,
            random: u32,
        ) {
            let now = Instant::now();
            let interval = Duration::from_secs(interval);
            let mut schedule = Schedule::new(interval, now);
            let seconds = |value: Option<u32>| value.map(|value| Duration::from_secs(value.into()));
            schedule.succeeded(now, seconds(max_age), seconds(left), random);
            for round in 0..=failures {
                let wait = (schedule.due() - now).as_secs_f64();
                prop_assert!(wait <= interval.as_secs_f64() * 1.1 + 0.001, "{wait} in round {round}");
                prop_assert!(wait >= interval.min(MIN_WAIT).as_secs_f64() * 0.9 - 0.001, "{wait} in round {round}");
                schedule.failed(now, random);
            }
        }
    }
}
