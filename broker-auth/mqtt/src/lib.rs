//! MQTT 3.1.1 and 5 on the wire: bytes in, packets out, and back. The only place that names the codec.
//!
//! ```text
//! Reader → frame → strict → wire → Packet → … → wire → Writer
//! ```
//!
//! Sessions speak MQTT 5 among themselves; a client of version 3.1.1 gets what its version can carry of it
//! ([`wire`]). What [`frame`] lets through is one whole packet of a type a client may send, no longer than agreed.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod connection;
pub mod count;
pub mod frame;
mod limits;
mod reader;
mod strict;
mod transport;
pub mod wire;
mod writer;

pub use connection::{Connection, open};
pub use limits::ConnectionLimits;
pub use reader::{ReadError, Reader};
pub use transport::Transport;
pub use writer::{WriteError, Writer};

/// A UTF-8 string that shares the memory it was received in.
pub type Text = bytestring::ByteString;

pub use rmqtt_codec::types::{Publish, QoS};
pub use rmqtt_codec::v5::{
    Connect, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, LastWill, Packet, PublishAck,
    PublishAck2, PublishAck2Reason, PublishAckReason, PublishProperties, RetainHandling, Subscribe,
    SubscribeAck, SubscribeAckReason, SubscriptionOptions, Unsubscribe, UnsubscribeAck, UnsubscribeAckReason,
};

/// The protocol version of a connection; both are served on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1 (and 3.1, which differs in the protocol name only).
    V3,
    /// MQTT 5.
    V5,
}
