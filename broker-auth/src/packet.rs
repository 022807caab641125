//! MQTT control packets: bytes in, packets out, and back. The only place that names the codec.
//!
//! Sessions speak MQTT 5 among themselves; a client of version 3.1.1 gets what its version can carry of it
//! ([`wire`]). What [`frame`] lets through is one whole packet of a type a client may send, no longer than agreed.

pub(crate) mod frame;
mod strict;
pub(crate) mod wire;

/// A UTF-8 string that shares the memory it was received in.
pub(crate) type Text = bytestring::ByteString;

pub(crate) use rmqtt_codec::types::{Publish, QoS};
pub(crate) use rmqtt_codec::v5::{
    Connect, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, LastWill, Packet, PublishAck,
    PublishAck2, PublishAck2Reason, PublishAckReason, PublishProperties, RetainHandling, Subscribe,
    SubscribeAck, SubscribeAckReason, SubscriptionOptions, Unsubscribe, UnsubscribeAck, UnsubscribeAckReason,
};

/// The protocol version of a connection; both are served on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1 (and 3.1, which differs in the protocol name only).
    V3,
    /// MQTT 5.
    V5,
}
