//! What waits to be published, and what is published and not yet acknowledged.
//!
//! Bounded, in order, and indifferent to connections: when one breaks off, what it had not acknowledged is the first
//! the next one sends.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::mqtt::Publication;

/// The most messages it holds, apart from the device's own status.
const CAPACITY: usize = 32;

/// A message, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// What is published.
    pub(super) publication: Publication,
    /// The line of stdin it was, or `None` for the device's status.
    pub(super) line: Option<u64>,
}

#[derive(Debug)]
struct Sent {
    outgoing: Outgoing,
    at: Instant,
    /// Known once the packet is on its way.
    packet_id: Option<u16>,
    acknowledged: bool,
}

/// Messages on their way, oldest first.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Outgoing>,
    sent: VecDeque<Sent>,
}

impl Outbox {
    /// Whether another message fits.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() + self.sent.len() < CAPACITY
    }

    /// Whether nothing waits and everything sent is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Lines of stdin that are not acknowledged.
    pub(super) fn unacknowledged_lines(&self) -> usize {
        let sent = self.sent.iter().filter(|sent| !sent.acknowledged && sent.outgoing.line.is_some()).count();
        sent + self.waiting.iter().filter(|outgoing| outgoing.line.is_some()).count()
    }

    /// Adds a message at the end.
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.waiting.push_back(outgoing);
    }

    /// Adds a message before all that wait.
    pub(super) fn push_first(&mut self, outgoing: Outgoing) {
        self.waiting.push_front(outgoing);
    }

    /// The next message, if fewer than `window` lie between the oldest unacknowledged one and it.
    ///
    /// By order of sending, not by count: an acknowledgement out of order must not let packet identifiers wrap
    /// around to one still in use.
    pub(super) fn next(&self, window: usize) -> Option<&Outgoing> {
        self.waiting.front().filter(|_| self.sent.len() < window)
    }

    /// The next message was handed to the connection.
    pub(super) fn mark_sent(&mut self, at: Instant) {
        if let Some(outgoing) = self.waiting.pop_front() {
            self.sent.push_back(Sent { outgoing, at, packet_id: None, acknowledged: false });
        }
    }

    /// Since when the oldest unacknowledged message is on its way.
    pub(super) fn oldest_sent(&self) -> Option<Instant> {
        self.sent.front().map(|sent| sent.at)
    }

    /// The next message will never be sent.
    pub(super) fn drop_next(&mut self) -> Option<Outgoing> {
        self.waiting.pop_front()
    }

    /// The oldest message without an identifier went out under this one.
    pub(super) fn identify(&mut self, packet_id: u16) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| sent.packet_id.is_none()) {
            sent.packet_id = Some(packet_id);
        }
    }

    /// The broker acknowledged this identifier. Returns the message it was.
    pub(super) fn acknowledge(&mut self, packet_id: u16) -> Option<Outgoing> {
        let sent =
            self.sent.iter_mut().find(|sent| sent.packet_id == Some(packet_id) && !sent.acknowledged)?;
        sent.acknowledged = true;
        let outgoing = sent.outgoing.clone();
        while self.sent.front().is_some_and(|sent| sent.acknowledged) {
            self.sent.pop_front();
        }
        Some(outgoing)
    }

    /// The connection is gone: what it had not acknowledged is to be sent again, in order. The device's status is
    /// not: the next connection has its own.
    pub(super) fn connection_lost(&mut self) {
        while let Some(sent) = self.sent.pop_back() {
            if !sent.acknowledged {
                self.waiting.push_front(sent.outgoing);
            }
        }
        self.waiting.retain(|outgoing| outgoing.line.is_some());
    }
}
