//! Messages that wait to be published, and those that are published and not yet acknowledged.
//!
//! Bounded, in order, and kept over connections: what a connection that broke off had not acknowledged is the first the
//! next one sends.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::mqtt::Publication;
use crate::delivery::Progress;
use crate::mqtt::{PacketId, QoS};

/// The most messages it holds, apart from the device's own status.
const CAPACITY: usize = 32;

/// A message, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// What is published, with QoS 1.
    pub(super) publication: Publication,
    /// The line of stdin it was, or `None` for the device's status.
    pub(super) line: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    outgoing: Outgoing,
    progress: Progress,
    /// When it was handed to this connection, and as which of all messages.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: usize,
    at: Instant,
}

/// Messages on their way, oldest first: those that this connection has got before those that are due.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    /// How many messages have been handed to a connection.
    sent: usize,
}

impl Entry {
    fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, progress: Progress::Waiting, sent: None }
    }
}

impl Outbox {
    /// Whether another message fits.
    pub(super) fn has_room(&self) -> bool {
        let waiting = self.entries.len() - self.first_due();
        waiting + self.span() < CAPACITY
    }

    /// Whether nothing waits and everything sent is acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lines of stdin that are not acknowledged.
    pub(super) fn unacknowledged_lines(&self) -> usize {
        self.entries.iter().filter(|entry| entry.outgoing.line.is_some()).count()
    }

    /// Adds a message at the end.
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.entries.push_back(Entry::new(outgoing));
    }

    /// Adds a message before all that wait.
    pub(super) fn push_first(&mut self, outgoing: Outgoing) {
        self.entries.insert(self.first_due(), Entry::new(outgoing));
    }

    /// The next message, if fewer than `window` were sent from the oldest unacknowledged one on.
    ///
    /// By order of sending, not by count: an acknowledgement out of order must not let packet identifiers wrap
    /// around to one still in use.
    pub(super) fn next(&self, window: usize) -> Option<&Outgoing> {
        let entry = self.entries.get(self.first_due())?;
        (self.span() < window).then_some(&entry.outgoing)
    }

    /// The next message was handed to the connection.
    pub(super) fn mark_sent(&mut self, at: Instant) {
        let (index, number) = (self.first_due(), self.sent);
        if let Some(entry) = self.entries.get_mut(index) {
            entry.progress = Progress::Leaving;
            entry.sent = Some(Sent { number, at });
            self.sent += 1;
        }
    }

    /// Since when the oldest unacknowledged message is on its way.
    pub(super) fn oldest_sent(&self) -> Option<Instant> {
        self.oldest().map(|sent| sent.at)
    }

    /// The next message will never be sent.
    pub(super) fn drop_next(&mut self) -> Option<Outgoing> {
        self.entries.remove(self.first_due()).map(|entry| entry.outgoing)
    }

    /// The oldest message without an identifier went out under this one.
    pub(super) fn identify(&mut self, packet_id: u16) {
        let entry = self.entries.iter_mut().find(|entry| entry.progress == Progress::Leaving);
        if let (Some(entry), Some(packet_id)) = (entry, PacketId::new(packet_id)) {
            entry.progress = Progress::InFlight(packet_id);
        }
    }

    /// The broker acknowledged this identifier. Returns the message it was.
    pub(super) fn acknowledge(&mut self, packet_id: u16) -> Option<Outgoing> {
        let id = PacketId::new(packet_id)?;
        let is_it = |progress: Progress| progress.is_in_flight() && progress.packet_id() == Some(id);
        let index = self.entries.iter().position(|entry| is_it(entry.progress))?;
        self.entries.remove(index).map(|entry| entry.outgoing)
    }

    /// The connection is gone: what it had not acknowledged is to be sent again, in order. The device's status is
    /// not: the next connection has its own.
    pub(super) fn connection_lost(&mut self) {
        self.entries.retain_mut(|entry| {
            entry.sent = None;
            let progress = entry.progress.after_connection_lost(QoS::AtLeastOnce);
            // Every connection has a new event loop of rumqttc's, which cannot repeat what another one has numbered: to
            // it all of them are new, whatever the broker remembers.
            entry.progress = progress.map_or(Progress::Waiting, Progress::after_session_lost);
            entry.outgoing.line.is_some()
        });
    }

    /// Where the first message lies that is still to be sent.
    fn first_due(&self) -> usize {
        let due = self.entries.iter().position(|entry| entry.progress.is_due());
        due.unwrap_or(self.entries.len())
    }

    /// How many messages were sent from the oldest unacknowledged one on.
    fn span(&self) -> usize {
        self.oldest().map_or(0, |oldest| self.sent - oldest.number)
    }

    fn oldest(&self) -> Option<Sent> {
        self.entries.front().and_then(|entry| entry.sent)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn line(number: u64) -> Outgoing {
        let publication = Publication { topic: format!("t/{number}"), payload: Bytes::new(), retain: false };
        Outgoing { publication, line: Some(number) }
    }

    fn status() -> Outgoing {
        Outgoing { line: None, ..line(0) }
    }

    /// Sends everything the window allows, under identifiers from `first` on; the lines sent.
    fn send(outbox: &mut Outbox, window: usize, first: u16) -> Vec<Option<u64>> {
        let mut sent = Vec::new();
        while let Some(outgoing) = outbox.next(window) {
            sent.push(outgoing.line);
            outbox.mark_sent(Instant::now());
        }
        for (id, _) in (first..).zip(&sent) {
            outbox.identify(id);
        }
        sent
    }

    #[test]
    fn an_acknowledgement_out_of_order_does_not_open_the_window() {
        let mut outbox = Outbox::default();
        (1..=5).for_each(|number| outbox.push(line(number)));
        assert_eq!(send(&mut outbox, 3, 1), [Some(1), Some(2), Some(3)]);
        assert_eq!(outbox.acknowledge(2).unwrap().line, Some(2));
        assert_eq!(outbox.acknowledge(3).unwrap().line, Some(3));
        assert!(outbox.acknowledge(3).is_none(), "an acknowledgement that comes twice");
        assert!(outbox.next(3).is_none());
        assert_eq!(outbox.acknowledge(1).unwrap().line, Some(1));
        assert_eq!(send(&mut outbox, 3, 4), [Some(4), Some(5)]);
        assert_eq!(outbox.unacknowledged_lines(), 2);
    }

    #[test]
    fn unacknowledged_lines_go_first_over_the_next_connection_and_the_status_does_not() {
        let mut outbox = Outbox::default();
        (1..=4).for_each(|number| outbox.push(line(number)));
        outbox.push_first(status());
        assert_eq!(send(&mut outbox, 4, 1), [None, Some(1), Some(2), Some(3)]);
        assert!(outbox.acknowledge(3).is_some());
        outbox.connection_lost();
        assert!(outbox.oldest_sent().is_none());
        assert!(outbox.acknowledge(2).is_none(), "an identifier of the connection before");
        outbox.push_first(status());
        assert_eq!(send(&mut outbox, 4, 1), [None, Some(1), Some(3), Some(4)]);
    }

    #[test]
    fn it_holds_no_more_than_its_capacity() {
        let mut outbox = Outbox::default();
        let pushed =
            (0..).take_while(|number| outbox.has_room().then(|| outbox.push(line(*number))).is_some());
        assert_eq!(pushed.count(), CAPACITY);
        send(&mut outbox, CAPACITY, 1);
        // Those behind an unacknowledged one count until it is acknowledged.
        assert!((2..=32).all(|id| outbox.acknowledge(id).is_some() && !outbox.has_room()));
        assert!(outbox.acknowledge(1).is_some() && outbox.has_room() && outbox.is_empty());
    }
}
