//! When the agent tries again, in every simulation, whatever happened: checked against the event log.

use std::time::Duration;

use countersign_agent::session::{State, Timing};

use super::HOUR;
use super::event_log::{Entry, Event, EventLog};

/// The most time between the end of a wait and the attempt: the timer's resolution is a millisecond.
const TIMER_RESOLUTION: Duration = Duration::from_millis(2);

/// What is known while the log is read.
struct Checker {
    timing: Timing,
    state: State,
    online_since: Option<Duration>,
    /// Failures since the last session that proved stable.
    failures: u32,
    /// When the next attempt is due.
    due: Option<Duration>,
}

/// Panics unless every wait was one that the rules allow, and was waited out.
pub(super) fn check(log: &EventLog, timing: Timing) {
    let mut checker = Checker { timing, state: State::Offline, online_since: None, failures: 0, due: None };
    for entry in &*log.entries() {
        checker.read(entry);
    }
    if let Some(due) = checker.due {
        assert!(log.now() <= due + TIMER_RESOLUTION, "the attempt of {due:?} was never made");
    }
}

/// The most attempts in any hour.
pub(super) fn most_attempts_in_an_hour(log: &EventLog) -> usize {
    let attempts = log.attempts(0);
    let count = |from: usize| attempts[from..].partition_point(|at| *at < attempts[from] + HOUR);
    (0..attempts.len()).map(count).max().unwrap_or_default()
}

impl Checker {
    fn read(&mut self, Entry { at, event }: &Entry) {
        match *event {
            // The backoff is in RAM, which is empty.
            Event::Boot => {
                *self = Self { failures: 0, due: None, online_since: None, state: State::Offline, ..*self }
            }
            // `run` was dropped and called again: its caller decides when.
            Event::Rerun => (self.due, self.online_since, self.state) = (None, None, State::Offline),
            Event::Attempt => {
                assert_eq!(self.state, State::Connecting, "{at:?}: an attempt in this state");
                if let Some(due) = self.due.take() {
                    assert!(
                        (due..=due + TIMER_RESOLUTION).contains(at),
                        "the attempt of {due:?} was made at {at:?}"
                    );
                }
            }
            Event::StateChanged { state: State::Connecting, .. } => {
                assert!(matches!(self.state, State::Offline | State::Refused), "{at:?}: {}", self.state);
                self.state = State::Connecting;
            }
            Event::StateChanged { state: State::Online, .. } => {
                assert_eq!(self.state, State::Connecting, "{at:?}");
                self.online_since = Some(*at);
                self.state = State::Online;
            }
            Event::StateChanged { state, ended: Some(ended), wait: Some(wait) } => {
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
            Event::StateChanged { state, .. } => panic!("{at:?}: {state}, without a cause"),
            _ => {}
        }
    }
}
