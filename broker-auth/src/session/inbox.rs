//! What a client has sent with QoS 2 and not yet released: the half of "exactly once" that is ours.

use std::collections::HashSet;
use std::num::NonZeroU16;

/// The packet ids of accepted QoS 2 messages that the client has not released (MQTT 5 §4.3.3).
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    accepted: HashSet<NonZeroU16>,
}

/// What a QoS 2 PUBLISH turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before: to be passed on.
    First,
    /// Passed on already: to be acknowledged again, and nothing else.
    Repeated,
    /// The client has more of them outstanding than it was told it may.
    TooMany,
}

impl Inbox {
    /// Judges an arriving message; `limit` is the Receive Maximum the client was told.
    pub(crate) fn judge(&self, id: NonZeroU16, limit: u16) -> Arrival {
        if self.accepted.contains(&id) {
            Arrival::Repeated
        } else if self.accepted.len() >= usize::from(limit) {
            Arrival::TooMany
        } else {
            Arrival::First
        }
    }

    /// The message with this id was passed on.
    pub(crate) fn accept(&mut self, id: NonZeroU16) {
        self.accepted.insert(id);
    }

    /// PUBREL. `false` if nothing with this id was accepted.
    pub(crate) fn release(&mut self, id: NonZeroU16) -> bool {
        self.accepted.remove(&id)
    }
}
