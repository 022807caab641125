//! [`Outage`]: an error that repeats is logged when it begins, every ten seconds, and when it is over, so that it does
//! not hide everything else in the log.

use std::time::Duration;

use tokio::time::Instant;

/// How often a repeating error is logged.
const REMINDER: Duration = Duration::from_secs(10);

/// One kind of error that may repeat.
#[derive(Debug, Default)]
pub(crate) struct Outage(Option<Ongoing>);

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    logged_at: Instant,
    times: u64,
}

impl Outage {
    /// The error happened again. Returns how often so far, if that is to be logged.
    pub(crate) fn again(&mut self, now: Instant) -> Option<u64> {
        let Some(ongoing) = &mut self.0 else {
            self.0 = Some(Ongoing { since: now, logged_at: now, times: 1 });
            return Some(1);
        };
        ongoing.times += 1;
        if now.duration_since(ongoing.logged_at) < REMINDER {
            return None;
        }
        ongoing.logged_at = now;
        Some(ongoing.times)
    }

    /// The operation succeeded. Returns how long the outage lasted, if there was one.
    pub(crate) fn over(&mut self, now: Instant) -> Option<Duration> {
        self.0.take().map(|ongoing| now.duration_since(ongoing.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_logged_at_once_then_every_ten_seconds_and_at_its_end() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut outage = Outage::default();
        assert_eq!(outage.over(at(0)), None);
        let logged_at: Vec<_> = (0..35).filter_map(|second| outage.again(at(second))).collect();
        assert_eq!(logged_at, [1, 11, 21, 31]);
        assert_eq!(outage.over(at(40)), Some(Duration::from_secs(40)));
        assert_eq!(outage.over(at(41)), None);
        assert_eq!(outage.again(at(42)), Some(1));
    }
}
