//! Telemetry and results of commands, until the broker has them.
//!
//! A queue in one buffer, in RAM: it outlives connections, not a reboot. Nothing is dropped silently: a message that
//! does not fit is refused, and one that the broker rejects is reported with its reason.

use core::num::NonZeroU16;

use device_identity::{Channel, DeviceId, Topic, TopicError};
use heapless::Vec;

use crate::delivery::Progress;
use crate::mqtt::{PacketId, QoS};

/// The most messages a queue holds, however short they are.
pub const MAX_MESSAGES: usize = 32;

/// The most of them that are not results of commands.
const MAX_TELEMETRY: usize = MAX_MESSAGES - MAX_MESSAGES / 4;

/// Where the results of commands are, below the device's telemetry.
const RESULTS: &str = "commands";

/// Messages in the order in which they were published.
///
/// A quarter of its bytes and places is kept for results of commands: a device that is behind with its telemetry can
/// still answer commands.
pub struct Queue<'m> {
    device_id: DeviceId,
    /// Subtopic and payload of each message, without gaps.
    bytes: &'m mut [u8],
    used: usize,
    messages: Vec<Entry, MAX_MESSAGES>,
    last_id: u16,
}

/// Where a message lies, and how far it has come.
#[derive(Clone, Copy, Debug)]
struct Entry {
    subtopic_len: u16,
    payload_len: u16,
    qos: QoS,
    progress: Progress,
}

/// A message in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'q> {
    /// What follows `telemetry/` in the topic; `commands/<id>` in that of a result.
    pub subtopic: &'q str,
    /// The payload.
    pub payload: &'q [u8],
}

/// A message that is going out over this connection. It counts as sent from now on: how much of a write that fails has
/// reached the broker is not known.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Outgoing {
    index: usize,
    /// The QoS it was published with. The broker may allow less.
    pub(crate) qos: QoS,
    /// With QoS 1; with QoS 0 there is none, and no acknowledgement.
    pub(crate) packet_id: Option<PacketId>,
    /// Whether it has gone out under this identifier before, over an earlier connection (DUP).
    pub(crate) repeats: bool,
}

/// Why a message is not put into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// No room until the broker acknowledges more.
    #[error("the queue has {free} bytes left, the message takes {needed}")]
    Full {
        /// What it takes, in bytes.
        needed: usize,
        /// What there is, in bytes; zero also if there are as many messages as there may be.
        free: usize,
    },
    /// It would not fit into an empty queue either.
    #[error("a message of {needed} bytes never fits: the queue has {capacity}")]
    TooLong {
        /// What it takes, in bytes.
        needed: usize,
        /// What there could be, in bytes.
        capacity: usize,
    },
    /// The subtopic or command id is no part of a topic.
    #[error(transparent)]
    Topic(TopicError),
}

/// How much a queue may hold, with a message of its kind.
#[derive(Clone, Copy)]
struct Room {
    bytes: usize,
    messages: usize,
}

impl Entry {
    fn len(&self) -> usize {
        usize::from(self.subtopic_len) + usize::from(self.payload_len)
    }
}

impl<'m> Queue<'m> {
    /// The lowest identifier of a message; those below belong to SUBSCRIBE, to the device's status and to its renewal.
    const FIRST_ID: u16 = 5;

    pub(crate) fn new(device_id: &DeviceId, bytes: &'m mut [u8]) -> Self {
        let device_id = device_id.clone();
        Self { device_id, bytes, used: 0, messages: Vec::new(), last_id: Self::FIRST_ID - 1 }
    }

    /// Takes a message for `devices/<id>/telemetry/<subtopic>`; an empty `subtopic` is the channel itself.
    pub fn publish(&mut self, subtopic: &str, payload: &[u8], qos: QoS) -> Result<(), QueueError> {
        Topic::new(&self.device_id, Channel::Telemetry(subtopic)).map_err(QueueError::Topic)?;
        self.push(
            [subtopic, "", ""],
            payload,
            qos,
            Room { bytes: self.bytes_for_telemetry(), messages: MAX_TELEMETRY },
        )
    }

    /// Takes the result of a command, for `devices/<id>/telemetry/commands/<command_id>`, with QoS 1.
    pub fn publish_result(&mut self, command_id: &str, payload: &[u8]) -> Result<(), QueueError> {
        Topic::new(&self.device_id, Channel::Commands(command_id)).map_err(QueueError::Topic)?;
        // A command on the channel itself has no id, and a topic that ends with a slash is none of the device's
        // channels.
        let separator = if command_id.is_empty() { "" } else { "/" };
        let room = Room { bytes: self.bytes.len(), messages: MAX_MESSAGES };
        self.push([RESULTS, separator, command_id], payload, QoS::AtLeastOnce, room)
    }

    /// Whether telemetry of `len` bytes, subtopic and payload together, would be taken now.
    pub fn has_room(&self, len: usize) -> bool {
        self.messages.len() < MAX_TELEMETRY && self.used.saturating_add(len) <= self.bytes_for_telemetry()
    }

    /// How many messages the broker has not acknowledged yet.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether the broker has acknowledged everything.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn bytes_for_telemetry(&self) -> usize {
        self.bytes.len() - self.bytes.len() / 4
    }

    fn push(&mut self, subtopic: [&str; 3], payload: &[u8], qos: QoS, room: Room) -> Result<(), QueueError> {
        let capacity = room.bytes;
        let subtopic_len = subtopic.iter().map(|part| part.len()).sum::<usize>();
        let needed = subtopic_len.saturating_add(payload.len());
        let free = capacity.saturating_sub(self.used);
        let (Ok(subtopic_len), Ok(payload_len)) = (u16::try_from(subtopic_len), u16::try_from(payload.len()))
        else {
            return Err(QueueError::TooLong { needed, capacity });
        };
        if needed > capacity {
            return Err(QueueError::TooLong { needed, capacity });
        }
        if self.used.saturating_add(needed) > capacity {
            return Err(QueueError::Full { needed, free });
        }
        if self.messages.len() >= room.messages {
            return Err(QueueError::Full { needed, free: 0 });
        }
        let entry = Entry { subtopic_len, payload_len, qos, progress: Progress::Waiting };
        self.messages.push(entry).map_err(|_| QueueError::Full { needed, free: 0 })?;
        for part in subtopic.iter().map(|part| part.as_bytes()).chain([payload]) {
            let end = self.used + part.len();
            if let Some(place) = self.bytes.get_mut(self.used..end) {
                place.copy_from_slice(part);
            }
            self.used = end;
        }
        Ok(())
    }

    /// Whether there is a message to send, with fewer than `window` in flight.
    pub(crate) fn has_due(&self, window: u16) -> bool {
        self.due_index(window).is_some()
    }

    /// The next message to send, if fewer than `window` are in flight. With QoS 1 it has an identifier: the one it went
    /// out under before, or one that no other message has. With QoS 0, or if the broker takes no more than that, it has
    /// none.
    pub(crate) fn send_next(&mut self, window: u16, maximum_qos: QoS) -> Option<Outgoing> {
        let index = self.due_index(window)?;
        let entry = *self.messages.get(index)?;
        let repeats = match entry.progress {
            Progress::ToRepeat(id) => Some(id),
            _ => None,
        };
        let packet_id = match entry.qos.min(maximum_qos) {
            QoS::AtLeastOnce => Some(repeats.unwrap_or_else(|| self.free_id())),
            QoS::AtMostOnce => None,
        };
        self.messages.get_mut(index)?.progress = packet_id.map_or(Progress::Leaving, Progress::InFlight);
        Some(Outgoing { index, qos: entry.qos, packet_id, repeats: packet_id.is_some() && repeats.is_some() })
    }

    /// The topic of the message, and the message.
    pub(crate) fn message_of(&self, outgoing: Outgoing) -> Option<(Topic<'_>, Message<'_>)> {
        let message = self.message(outgoing.index)?;
        Some((Topic::new(&self.device_id, Channel::Telemetry(message.subtopic)).ok()?, message))
    }

    /// Forgets the message.
    pub(crate) fn discard(&mut self, outgoing: Outgoing) {
        self.remove(outgoing.index);
    }

    /// An identifier that no message has.
    fn free_id(&mut self) -> PacketId {
        // There are more identifiers than messages, so the search ends.
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(Self::FIRST_ID);
            let id = NonZeroU16::new(self.last_id).unwrap_or(NonZeroU16::MAX);
            if self.position(id).is_none() {
                return id;
            }
        }
    }

    /// The message that was sent with this identifier and is not acknowledged.
    pub(crate) fn in_flight(&self, id: PacketId) -> Option<Message<'_>> {
        self.message(self.position(id)?)
    }

    /// The broker has acknowledged or refused the message of this identifier, which is removed. Whether there was one.
    pub(crate) fn acknowledge(&mut self, id: PacketId) -> bool {
        let position = self.position(id);
        if let Some(index) = position {
            self.remove(index);
        }
        position.is_some()
    }

    /// Whether any message waits for the broker's acknowledgement.
    pub(crate) fn is_any_in_flight(&self) -> bool {
        self.messages.iter().any(|entry| entry.progress.is_in_flight())
    }

    /// How many messages wait for the broker's acknowledgement.
    pub(crate) fn count_in_flight(&self) -> usize {
        self.messages.iter().filter(|entry| entry.progress.is_in_flight()).count()
    }

    /// The connection is gone: messages in flight are to be sent again over the next, unless they have QoS 0 and could
    /// arrive twice.
    pub(crate) fn connection_lost(&mut self) {
        for index in (0..self.messages.len()).rev() {
            let Some(entry) = self.messages.get_mut(index) else { continue };
            match entry.progress.after_connection_lost(entry.qos) {
                Some(progress) => entry.progress = progress,
                None => self.remove(index),
            }
        }
    }

    /// The broker has no session of this device: messages that were in flight are new to it.
    pub(crate) fn session_lost(&mut self) {
        for entry in &mut self.messages {
            entry.progress = entry.progress.after_session_lost();
        }
    }

    /// The first message that has not gone out over this connection.
    fn due_index(&self, window: u16) -> Option<usize> {
        let index = self.messages.iter().position(|entry| entry.progress.is_due())?;
        (self.count_in_flight() < usize::from(window)).then_some(index)
    }

    fn position(&self, id: PacketId) -> Option<usize> {
        self.messages.iter().position(|entry| entry.progress.packet_id() == Some(id))
    }

    fn message(&self, index: usize) -> Option<Message<'_>> {
        let entry = self.messages.get(index)?;
        let bytes = self.bytes.get(self.offset(index)..)?.get(..entry.len())?;
        let (subtopic, payload) = bytes.split_at_checked(usize::from(entry.subtopic_len))?;
        Some(Message { subtopic: core::str::from_utf8(subtopic).ok()?, payload })
    }

    fn offset(&self, index: usize) -> usize {
        self.messages.iter().take(index).map(Entry::len).sum()
    }

    fn remove(&mut self, index: usize) {
        let start = self.offset(index);
        if index < self.messages.len() {
            let entry = self.messages.remove(index);
            self.bytes.copy_within(start + entry.len()..self.used, start);
            self.used -= entry.len();
        }
    }
}

#[cfg(test)]
mod tests;
