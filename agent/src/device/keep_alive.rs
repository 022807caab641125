//! Whether the broker is still there: what it has to answer, and since when (MQTT 5 §3.1.2.10).

use core::time::Duration;

use super::connection_end::Deadline;

/// What the broker has been heard to say, and what it has yet to answer. All times are the board's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepAlive {
    last_received: Duration,
    /// Since when a packet of any kind is awaited.
    response_awaited: Option<Duration>,
    /// Since when something is unacknowledged, and no acknowledgement of anything has come.
    unacknowledged: Option<Duration>,
}

impl KeepAlive {
    /// Of a session that has begun with SUBSCRIBE and a message.
    pub(super) const fn new(now: Duration) -> Self {
        Self { last_received: now, response_awaited: Some(now), unacknowledged: Some(now) }
    }

    /// When the last packet came.
    pub(super) const fn last_received(&self) -> Duration {
        self.last_received
    }

    /// Whether a packet is awaited: then there is no use in another ping.
    pub(super) const fn awaits_response(&self) -> bool {
        self.response_awaited.is_some()
    }

    /// A packet has come, which acknowledges something or does not.
    pub(super) const fn received(&mut self, now: Duration, acknowledges: bool) {
        self.last_received = now;
        self.response_awaited = None;
        if acknowledges {
            self.unacknowledged = None;
        }
    }

    /// A PINGREQ has gone out.
    pub(super) const fn ping_sent(&mut self, now: Duration) {
        self.response_awaited = Some(now);
    }

    /// Whether anything is unacknowledged now.
    pub(super) fn set_unacknowledged(&mut self, is_any: bool, now: Duration) {
        self.unacknowledged = is_any.then(|| self.unacknowledged.unwrap_or(now));
    }

    /// The device has read nothing for this long, which does not count against the broker.
    pub(super) fn extend(&mut self, not_reading: Duration) {
        self.unacknowledged = self.unacknowledged.map(|since| since.saturating_add(not_reading));
    }

    /// When the broker is given up, and for what.
    pub(super) fn deadline(
        &self,
        response_timeout: Duration,
        acknowledgement_timeout: Duration,
    ) -> Option<(Duration, Deadline)> {
        let response =
            self.response_awaited.map(|since| (since.saturating_add(response_timeout), Deadline::Response));
        let acknowledgement = self
            .unacknowledged
            .map(|since| (since.saturating_add(acknowledgement_timeout), Deadline::Acknowledgement));
        response.into_iter().chain(acknowledgement).min_by_key(|(at, _)| *at)
    }
}
