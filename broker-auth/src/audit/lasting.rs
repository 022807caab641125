//! A trouble that lasts is logged when it begins, now and then, and when it is over: a log that repeats itself hides
//! everything else.

use std::time::Duration;

use tokio::time::Instant;

/// How often it is mentioned while it lasts.
const REMINDER: Duration = Duration::from_secs(10);

/// One kind of trouble.
#[derive(Debug, Default)]
pub(crate) struct Lasting(Option<Trouble>);

#[derive(Debug)]
struct Trouble {
    since: Instant,
    mentioned: Instant,
    times: u64,
}

impl Lasting {
    /// It happened again. How often so far, if that is to be logged.
    pub(crate) fn again(&mut self, now: Instant) -> Option<u64> {
        let Some(trouble) = &mut self.0 else {
            self.0 = Some(Trouble { since: now, mentioned: now, times: 1 });
            return Some(1);
        };
        trouble.times += 1;
        if now.duration_since(trouble.mentioned) < REMINDER {
            return None;
        }
        trouble.mentioned = now;
        Some(trouble.times)
    }

    /// All is well. How long it was not, if it was not.
    pub(crate) fn over(&mut self, now: Instant) -> Option<Duration> {
        self.0.take().map(|trouble| now.duration_since(trouble.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_mentioned_at_once_and_then_now_and_then_until_it_is_over() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut lasting = Lasting::default();
        assert_eq!(lasting.over(at(0)), None);
        let mentioned: Vec<_> = (0..35).filter_map(|second| lasting.again(at(second))).collect();
        assert_eq!(mentioned, [1, 11, 21, 31]);
        assert_eq!(lasting.over(at(40)), Some(Duration::from_secs(40)));
        assert_eq!(lasting.over(at(41)), None);
        assert_eq!(lasting.again(at(42)), Some(1));
    }
}
