//! MQTT 5, as much of it as a device speaks: one session, QoS 0 and 1.
//!
//! Packets are written and read in place, without an allocator. [`Inbox`] assembles them from any stream and may be
//! dropped at every byte. Nothing in here has a clock or keeps a message, and nothing else waits.
//!
//! Strict where a peer could gain from laxness: lengths, flags, UTF-8, properties that are not of the packet or come
//! twice, packets a broker may not send to this client.

mod acknowledgement;
mod connack;
mod connect;
mod disconnect;
mod error;
mod hint;
#[cfg(feature = "device")]
mod inbox;
mod incoming;
mod property;
mod publish;
mod reason;
mod subscribe;
mod wire;

pub use acknowledgement::{Puback, Suback, encode_puback};
pub use connack::Connack;
pub use connect::{Connect, Will};
pub use disconnect::{Disconnect, encode_disconnect};
pub use error::{Overflow, PacketError};
pub use hint::Hints;
#[cfg(feature = "device")]
pub use inbox::{Inbox, ReceiveError};
pub use incoming::Incoming;
pub use publish::{OutgoingPublish, Publish};
pub use reason::ReasonCode;
pub use subscribe::encode_subscribe;

use core::num::NonZeroU16;

/// What tells unacknowledged packets apart (MQTT 5 §2.2.1).
pub type PacketId = NonZeroU16;

/// PINGREQ, all of it (MQTT 5 §3.12).
pub const PINGREQ: [u8; 2] = [0xC0, 0x00];

/// Quality of service (MQTT 5 §4.3). A device neither asks for QoS 2 nor accepts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QoS {
    /// At most once: sent, and forgotten.
    AtMostOnce,
    /// At least once: kept until it is acknowledged, sent again over the next connection.
    AtLeastOnce,
}
