//! [`Responders`]: how many questions each gets at once, and which do not answer at the moment, so that not every client waits
//! for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Questions on their way to one responder at once.
const MAX_QUESTIONS: usize = 32;

/// How long a responder is left alone after it did not answer; twice as long after the next time, and so on.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long one question is waited for that finds out whether a responder answers again.
const PROBE_TIMEOUT: Duration = Duration::from_secs(6);

/// The responders. There are no more of them than `ocsp-allow` and certificates that are proven name.
#[derive(Default)]
pub(super) struct Responders(Mutex<HashMap<Box<str>, Responder>>);

struct Responder {
    places: Arc<Semaphore>,
    silence: Option<Silence>,
}

/// It does not answer.
struct Silence {
    /// Until when nobody asks; then one does.
    until: Instant,
    pause: Duration,
    /// Whether that one is on its way.
    is_probed: bool,
    why: String,
}

impl Default for Responder {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_QUESTIONS)), silence: None }
    }
}

impl Silence {
    fn refuse(&self, now: Instant) -> Result<(), String> {
        if now >= self.until {
            return Ok(());
        }
        let seconds = self.until.duration_since(now).as_secs() + 1;
        Err(format!("{}; it is asked again in {seconds} s", self.why))
    }
}

impl Responders {
    /// Refuses to ask one that did not answer a moment ago.
    pub(super) fn refuse_silent(&self, responder: &str, now: Instant) -> Result<(), String> {
        let responders = self.0.lock();
        let silence = responders.get(responder).and_then(|responder| responder.silence.as_ref());
        silence.map_or(Ok(()), |silence| silence.refuse(now))
    }

    /// The places of those who ask it at once. After a silence one question finds out whether it answers again, and the others
    /// are refused until then.
    pub(super) fn begin(&self, responder: &str, now: Instant) -> Result<Arc<Semaphore>, String> {
        let mut responders = self.0.lock();
        let known = match responders.get_mut(responder) {
            Some(known) => known,
            None => responders.entry(responder.into()).or_default(),
        };
        if let Some(silence) = &mut known.silence {
            silence.refuse(now)?;
            (silence.until, silence.is_probed) = (now + PROBE_TIMEOUT, true);
        }
        Ok(Arc::clone(&known.places))
    }

    /// It has answered, whatever.
    pub(super) fn answered(&self, responder: &str) {
        let mut responders = self.0.lock();
        let silence = responders.get_mut(responder).and_then(|responder| responder.silence.take());
        if silence.is_some() {
            tracing::info!(responder, "an OCSP responder answers again");
        }
    }

    /// It has not.
    pub(super) fn silent(&self, responder: &str, why: &str, now: Instant) {
        let mut responders = self.0.lock();
        let known = responders.entry(responder.into()).or_default();
        let pause = match &known.silence {
            // Others that had begun to ask by then say nothing new.
            Some(silence) if !silence.is_probed => return,
            Some(silence) => (silence.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        tracing::warn!(responder, why, "an OCSP responder does not answer");
        known.silence = Some(Silence { until: now + pause, pause, is_probed: false, why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_responder_is_left_alone_for_longer_each_time_and_asked_by_one() {
        let responders = Responders::default();
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let is_asked = |seconds| responders.begin("a", at(seconds)).is_ok();
        let is_silent = |seconds| responders.silent("a", "it hangs", at(seconds));
        assert!(is_asked(0) && is_asked(0), "any number");
        is_silent(0);
        is_silent(1);
        assert!(!is_asked(1), "two seconds from the first");
        assert!(responders.begin("b", at(1)).is_ok(), "another one");
        assert!(is_asked(2) && !is_asked(2), "one finds out");
        is_silent(3);
        assert!(!is_asked(6) && is_asked(7), "four seconds");
        // The one that finds out may never come back.
        assert!(!is_asked(12) && is_asked(13));
        let mut now = 13;
        for _ in 0..10 {
            is_silent(now);
            now += 60;
            assert!(is_asked(now), "never more than a minute");
        }
        responders.answered("a");
        assert!(is_asked(now) && is_asked(now), "any number again");
        is_silent(now);
        assert!(!is_asked(now + 1) && is_asked(now + 2), "from the beginning");
    }
}
