//! [`Known`]: what is known of one certificate by OCSP.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use authenticator::evidence::OcspEvidence;
use authenticator::ocsp::{OcspAnswer, OcspStatus};
use authenticator::trust::VerifiedChain;
use fetch::Url;
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

/// How long an answer other than good is taken for granted: a device whose hold is over is not kept out until the answer's
/// end.
const BAD_NEWS_INTERVAL: Duration = Duration::from_secs(60);

/// How long a question that had no answer stands for those that come after it.
const FAULT_INTERVAL: Duration = Duration::from_secs(2);

/// When a responder is asked again that did not answer about a live session.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// No sooner than this is anybody asked again about a live session.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// How long after it came along last a session is taken to be over. Each comes along twice a minute.
const IDLE_AFTER: Duration = Duration::from_secs(90);

/// What is known of one certificate by OCSP.
pub(super) struct Known {
    /// Who is asked.
    pub(super) url: Url,
    /// The chain of whoever came along last.
    chain: Mutex<VerifiedChain>,
    /// Held while somebody asks.
    pub(super) asking: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answer: Option<OcspAnswer>,
    /// Why the last question had no answer.
    fault: Option<String>,
    asked: Option<Instant>,
    came_along: Option<Instant>,
    /// When to ask again.
    next: Option<Instant>,
    /// What sessions were last judged by: whether it was good, if it was known.
    judged: Option<Judged>,
}

/// What a session can be judged by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Good,
    NotGood,
    Unavailable,
}

impl Known {
    pub(super) fn new(url: Url, chain: VerifiedChain) -> Self {
        Self { url, chain: Mutex::new(chain), asking: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    /// The chain of the certificate, as it was proven last.
    pub(super) fn chain(&self) -> VerifiedChain {
        self.chain.lock().clone()
    }

    /// A client or a session with this certificate is there.
    pub(super) fn came_along(&self, chain: &VerifiedChain, now: Instant) {
        *self.chain.lock() = chain.clone();
        self.state.lock().came_along = Some(now);
    }

    /// Whether its sessions, if it had any, are over.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.state.lock().came_along.is_none_or(|at| now.duration_since(at) > IDLE_AFTER)
    }

    /// Whether there is an answer that counts, about a certificate that has not ended.
    pub(super) fn counts(&self, time: UnixTime) -> bool {
        time <= self.chain.lock().leaf().not_after()
            && self.state.lock().answer.as_ref().is_some_and(|answer| answer.counts_at(time))
    }

    /// Whether a client that wants in need not wait for another question: a good answer is not older than `interval`, and what
    /// is not good, or a question that had no answer, is only just so.
    pub(super) fn is_recent(&self, time: UnixTime, now: Instant, interval: Duration) -> bool {
        let state = self.state.lock();
        let Some(age) = state.asked.map(|at| now.duration_since(at)) else { return false };
        match &state.answer {
            Some(answer) if state.fault.is_none() && answer.counts_at(time) => match answer.status() {
                OcspStatus::Good => age < interval,
                OcspStatus::Revoked { .. } | OcspStatus::Unknown => age < BAD_NEWS_INTERVAL.min(interval),
            },
            _ => age < FAULT_INTERVAL,
        }
    }

    /// What it is judged by. An answer that counts is one, whatever became of later questions.
    pub(super) fn evidence(&self, time: UnixTime) -> OcspEvidence {
        let state = self.state.lock();
        match (&state.answer, &state.fault) {
            (Some(answer), _) if answer.counts_at(time) => OcspEvidence::Answered(answer.clone()),
            (_, Some(why)) => OcspEvidence::Unavailable(why.clone()),
            (Some(answer), None) => OcspEvidence::Answered(answer.clone()),
            (None, None) => OcspEvidence::NotAsked,
        }
    }

    /// Whether a question has come to its end after `begin`.
    pub(super) fn was_asked_since(&self, begin: Instant) -> bool {
        self.state.lock().asked.is_some_and(|at| at >= begin)
    }

    /// A question has come to its end.
    pub(super) fn answered(
        &self,
        answered: Result<OcspAnswer, String>,
        time: UnixTime,
        now: Instant,
        interval: Duration,
    ) {
        let mut state = self.state.lock();
        state.asked = Some(now);
        let wait = match answered {
            // Somebody on the way could have kept an older one.
            Ok(answer)
                if state.answer.as_ref().is_some_and(|known| answer.this_update() < known.this_update()) =>
            {
                state.fault = Some("the answer is older than the one before".to_owned());
                RETRY_INTERVAL
            }
            Ok(answer) => {
                let left = answer.valid_until().as_secs().saturating_sub(time.as_secs());
                let is_good = answer.status() == OcspStatus::Good;
                (state.answer, state.fault) = (Some(answer), None);
                let longest = if is_good { interval } else { BAD_NEWS_INTERVAL };
                (Duration::from_secs(left) / 2).min(longest)
            }
            Err(why) => {
                state.fault = Some(why);
                RETRY_INTERVAL
            }
        };
        state.next = Some(now + spread(wait.max(SHORTEST_INTERVAL), &self.chain()));
    }

    /// Since when it is time to ask again about its sessions, if it is.
    pub(super) fn due_since(&self, now: Instant) -> Option<Instant> {
        let state = self.state.lock();
        let since = state.next.or(state.came_along)?;
        (since <= now).then_some(since)
    }

    /// It is being asked for: not again before it is answered.
    pub(super) fn is_asked_for(&self, now: Instant) {
        self.state.lock().next = Some(now + RETRY_INTERVAL);
    }

    /// Whether its sessions are to be judged by something else than before. Said once.
    pub(super) fn has_turned(&self, time: UnixTime) -> bool {
        let mut state = self.state.lock();
        let judged = match (&state.answer, &state.fault) {
            (Some(answer), _) if answer.counts_at(time) => match answer.status() {
                OcspStatus::Good => Judged::Good,
                OcspStatus::Revoked { .. } | OcspStatus::Unknown => Judged::NotGood,
            },
            (None, None) => return false,
            _ => Judged::Unavailable,
        };
        let before = state.judged.replace(judged);
        before != Some(judged) && (before.is_some() || judged != Judged::Good)
    }
}

/// `wait`, up to a tenth shorter: a fleet that came all at once does not ask all at once.
fn spread(wait: Duration, chain: &VerifiedChain) -> Duration {
    let mut hasher = DefaultHasher::new();
    chain.leaf().fingerprint_sha256().hash(&mut hasher);
    wait - wait * u32::from(hasher.finish() as u8) / 2560
}
