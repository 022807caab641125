//! How far a message has come on its way to the broker: the sender's side of QoS 0 and 1 (MQTT 5 §4.3, §4.4).
//!
//! The queue of a microcontroller and the outbox of a gateway keep their messages in different memory. Both keep them
//! in the order in which they were published, each with its [`Progress`], and both send the first that is due.

use crate::mqtt::{PacketId, QoS};

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not sent.
    Waiting,
    /// Handed to this connection, and no packet identifier is known: with QoS 0 there is none, and whether the message
    /// arrives is never known.
    Leaving,
    /// Sent over this connection under this identifier, not acknowledged.
    InFlight(PacketId),
    /// Sent over an earlier connection under this identifier, not acknowledged. A broker that still has the session
    /// gets it again under the same identifier (§4.4).
    ToRepeat(PacketId),
}

impl Progress {
    /// Whether it is still to be sent over this connection.
    pub(crate) const fn is_due(self) -> bool {
        matches!(self, Self::Waiting | Self::ToRepeat(_))
    }

    /// Whether its acknowledgement is to come over this connection.
    pub(crate) const fn is_in_flight(self) -> bool {
        matches!(self, Self::InFlight(_))
    }

    /// The identifier it has, over this connection or from an earlier one.
    pub(crate) const fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::InFlight(id) | Self::ToRepeat(id) => Some(id),
            Self::Waiting | Self::Leaving => None,
        }
    }

    /// The connection is gone. `None`: the message is to be forgotten, because sending it again could make it arrive
    /// twice, which QoS 0 does not allow.
    pub(crate) const fn after_connection_lost(self, qos: QoS) -> Option<Self> {
        match (self, qos) {
            (Self::InFlight(id), _) => Some(Self::ToRepeat(id)),
            (Self::Leaving, QoS::AtLeastOnce) => Some(Self::Waiting),
            (Self::Leaving, QoS::AtMostOnce) => None,
            (Self::Waiting | Self::ToRepeat(_), _) => Some(self),
        }
    }

    /// The broker has no session, so no identifier means anything to it: every message is new to it.
    pub(crate) const fn after_session_lost(self) -> Self {
        Self::Waiting
    }
}
