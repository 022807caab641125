//! [`Responders`]: which responders do not answer at the moment, so that not every client waits for them.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a responder is left alone after it did not answer; twice as long after the next time, and so on.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Which responders do not answer. There are no more of them than `ocsp-allow` and certificates that are proven name.
#[derive(Default)]
pub(super) struct Responders(Mutex<HashMap<Box<str>, Silence>>);

struct Silence {
    /// Until when nobody asks.
    until: Instant,
    pause: Duration,
    why: String,
}

impl Responders {
    /// Refuses to ask one that did not answer a moment ago.
    pub(super) fn refuse_silent(&self, responder: &str, now: Instant) -> Result<(), String> {
        match self.0.lock().get(responder) {
            Some(silence) if now < silence.until => {
                let seconds = silence.until.duration_since(now).as_secs() + 1;
                Err(format!("{}; it is asked again in {seconds} s", silence.why))
            }
            _ => Ok(()),
        }
    }

    /// It has answered, whatever.
    pub(super) fn answered(&self, responder: &str) {
        if self.0.lock().remove(responder).is_some() {
            tracing::info!(responder, "an OCSP responder answers again");
        }
    }

    /// It has not.
    pub(super) fn silent(&self, responder: &str, why: &str, now: Instant) {
        let mut silent = self.0.lock();
        let pause = match silent.get(responder) {
            // Others that had begun to ask by then say nothing new.
            Some(silence) if now < silence.until => return,
            Some(silence) => (silence.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        tracing::warn!(responder, why, "an OCSP responder does not answer");
        silent.insert(responder.into(), Silence { until: now + pause, pause, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_responder_is_left_alone_for_longer_each_time() {
        let responders = Responders::default();
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let is_asked = |seconds| responders.refuse_silent("a", at(seconds)).is_ok();
        assert!(is_asked(0));
        responders.silent("a", "it hangs", at(0));
        responders.silent("a", "it hangs", at(1));
        assert!(!is_asked(1) && is_asked(2), "two seconds");
        assert!(responders.refuse_silent("b", at(1)).is_ok(), "another one");
        responders.silent("a", "it hangs", at(2));
        assert!(!is_asked(5) && is_asked(6), "four seconds");
        for _ in 0..10 {
            responders.silent("a", "it hangs", at(1_000));
        }
        assert!(is_asked(1_060), "never more than a minute");
        responders.answered("a");
        responders.silent("a", "it hangs", at(2_000));
        assert!(is_asked(2_002), "from the beginning");
    }
}
