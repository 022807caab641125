//! The MQTT session on rumqttc; the only folder that names it.
//!
//! What its 0.25 does that one would not expect, and what is done about it:
//!
//! - `EventLoop::poll` reconnects by itself and keeps packets for the next connection, but throws them away when the
//!   broker has no session: every connection here gets a new event loop, and what is unacknowledged stays in our own
//!   [outbox](super::outbox).
//! - An acknowledgement out of order can stall it for good ("collision"): at most [`WINDOW`] publishes are under way
//!   by order of sending, out of [`PACKET_IDS`].
//! - It asserts on keep alives under five seconds, and a Server Keep Alive of zero makes it ping without pause.
//! - A CONNACK that refuses loses its properties, and a DISCONNECT without property length is dropped unread.
//! - One deadline covers DNS, TCP, TLS and CONNACK; a write that never ends has none, so the caller sets one.

mod connection;
mod connection_end;

pub(super) use connection::{Connection, Limits, Publication};
pub(super) use connection_end::ConnectionEnd;
pub(super) use rumqttc::Outgoing as MqttRequest;
pub(super) use rumqttc::v5::mqttbytes::v5::{
    ConnAck, Packet, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode,
};
pub(super) use rumqttc::v5::{Event as MqttEvent, EventLoop};

/// The most publishes under way at once, oldest to newest.
pub(super) const WINDOW: u16 = 32;

/// Packet identifiers in use by rumqttc: many more than [`WINDOW`].
const PACKET_IDS: u16 = 1024;
