//! When the agent tries again, in every world, whatever happened: read from the record of it.

use std::time::Duration;

use countersign_agent::session::{State, Timing};

use super::HOUR;
use super::chronicle::{Chronicle, Entry, Event};

/// What passes between the end of a wait and the attempt: the timer has milliseconds.
const TICK: Duration = Duration::from_millis(2);

/// What is known while the record is read.
struct Reading {
    timing: Timing,
    state: State,
    online_since: Option<Duration>,
    /// Failures since the last session that proved stable.
    failures: u32,
    /// When the next attempt is due.
    due: Option<Duration>,
}

/// Panics unless every wait was one that the rules allow, and was waited out.
pub(super) fn was_kept(chronicle: &Chronicle, timing: Timing) {
    let mut reading = Reading { timing, state: State::Offline, online_since: None, failures: 0, due: None };
    for entry in &*chronicle.entries() {
        reading.read(entry);
    }
    if let Some(due) = reading.due {
        assert!(chronicle.now() <= due + TICK, "the attempt of {due:?} was never made");
    }
}

/// The most attempts in any hour.
pub(super) fn most_attempts_in_an_hour(chronicle: &Chronicle) -> usize {
    let attempts = chronicle.attempts(0);
    let count = |from: usize| attempts[from..].partition_point(|at| *at < attempts[from] + HOUR);
    (0..attempts.len()).map(count).max().unwrap_or_default()
}

impl Reading {
    fn read(&mut self, Entry { at, event }: &Entry) {
        match *event {
            // RAM is empty.
            Event::Boot => {
                *self = Self { failures: 0, due: None, online_since: None, state: State::Offline, ..*self }
            }
            // `run` was dropped, and is there again: whoever does that decides when.
            Event::Again => (self.due, self.online_since, self.state) = (None, None, State::Offline),
            Event::Attempt => {
                assert_eq!(self.state, State::Connecting, "{at:?}: an attempt in this state");
                if let Some(due) = self.due.take() {
                    assert!((due..=due + TICK).contains(at), "the attempt of {due:?} was made at {at:?}");
                }
            }
            Event::Changed { state: State::Connecting, .. } => {
                assert!(matches!(self.state, State::Offline | State::Refused), "{at:?}: {}", self.state);
                self.state = State::Connecting;
            }
            Event::Changed { state: State::Online, .. } => {
                assert_eq!(self.state, State::Connecting, "{at:?}");
                self.online_since = Some(*at);
                self.state = State::Online;
            }
            Event::Changed { state, ended: Some(ended), wait: Some(wait) } => {
                assert!(matches!(self.state, State::Connecting | State::Online), "{at:?}: {}", self.state);
                let lasted = self.online_since.take().map_or(Duration::ZERO, |since| *at - since);
                if lasted >= self.timing.stable_after {
                    self.failures = 0;
                }
                let asked = ended.retry_after.unwrap_or_default().min(Timing::LONGEST_RETRY_AFTER);
                let (least, most) = if state == State::Refused {
                    let least = self.timing.refused.max(asked);
                    (least, least * 5 / 4)
                } else {
                    let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
                    let window = self.timing.base.saturating_mul(factor).min(self.timing.cap);
                    self.failures += 1;
                    (asked, window.max(asked * 5 / 4))
                };
                assert!((least..=most).contains(&wait), "{at:?}: {wait:?}, not {least:?} to {most:?}");
                self.state = state;
                self.due = Some(*at + wait);
            }
            Event::Changed { state, .. } => panic!("{at:?}: {state}, and nobody says why"),
            _ => {}
        }
    }
}
