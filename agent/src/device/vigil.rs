//! Whether anybody is still there: what the broker owes, and since when.

use core::time::Duration;

use super::ending::Step;

/// What has been heard of the broker, and what is awaited of it. All times are a clock's since its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vigil {
    last_heard: Duration,
    /// Since when an answer is due, of whatever kind.
    asked: Option<Duration>,
    /// Since when something is owed an acknowledgement, and none has come for anything.
    unacknowledged: Option<Duration>,
}

impl Vigil {
    /// Of a session that has begun with something to answer.
    pub(super) const fn new(now: Duration) -> Self {
        Self { last_heard: now, asked: Some(now), unacknowledged: Some(now) }
    }

    /// When the last packet came.
    pub(super) const fn last_heard(&self) -> Duration {
        self.last_heard
    }

    /// Whether an answer is awaited.
    pub(super) const fn has_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// A packet has come.
    pub(super) const fn heard(&mut self, now: Duration, acknowledges: bool) {
        self.last_heard = now;
        self.asked = None;
        if acknowledges {
            self.unacknowledged = None;
        }
    }

    /// A ping has gone out.
    pub(super) const fn asks(&mut self, now: Duration) {
        self.asked = Some(now);
    }

    /// Whether anything is owed an acknowledgement.
    pub(super) fn owed(&mut self, is_owed: bool, now: Duration) {
        self.unacknowledged = is_owed.then(|| self.unacknowledged.unwrap_or(now));
    }

    /// For so long nothing could be heard, which is not the broker's fault.
    pub(super) fn excuse(&mut self, deaf: Duration) {
        self.unacknowledged = self.unacknowledged.map(|since| since.saturating_add(deaf));
    }

    /// When patience ends, and with what.
    pub(super) fn overdue_at(
        &self,
        patience: Duration,
        acknowledgement: Duration,
    ) -> Option<(Duration, Step)> {
        let answer = self.asked.map(|since| (since.saturating_add(patience), Step::Answer));
        let acknowledged =
            self.unacknowledged.map(|since| (since.saturating_add(acknowledgement), Step::Acknowledgement));
        answer.into_iter().chain(acknowledged).min_by_key(|(at, _)| *at)
    }
}
