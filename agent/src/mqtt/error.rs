//! What is wrong with a packet.

use super::ReasonCode;

/// What is wrong with a packet of the broker. The connection ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// A field reaches beyond the end of the packet.
    #[error("the packet ends within a field")]
    Truncated,
    /// Bytes are left after the last field.
    #[error("the packet has bytes after its last field")]
    Trailing,
    /// A variable byte integer of more than four bytes, or with a zero byte at its end (§1.5.5).
    #[error("a variable byte integer is malformed")]
    VariableByteInteger,
    /// A string that is not UTF-8, or has a NUL (§1.5.4).
    #[error("a string is not UTF-8 without NUL")]
    Text,
    /// Not a packet that a broker sends to this client, or with flags it cannot have.
    #[error("a packet that starts with 0x{first:02x} has no place here")]
    Type {
        /// Its first byte.
        first: u8,
    },
    /// A property that is not one of this packet (§2.2.2.2).
    #[error("property 0x{id:02x} has no place in this packet")]
    Property {
        /// Its identifier.
        id: u32,
    },
    /// A property that may come once came twice.
    #[error("property 0x{id:02x} came twice")]
    RepeatedProperty {
        /// Its identifier.
        id: u8,
    },
    /// A property or a flag with a value that it cannot have.
    #[error("a field has a value that it cannot have")]
    Value,
    /// A packet identifier of zero.
    #[error("the packet identifier is zero")]
    PacketId,
    /// A message with QoS 2, which no subscription of this client allows.
    #[error("a message with QoS 2, which was not asked for")]
    QoS2,
    /// A message by topic alias, which this client does not offer.
    #[error("a topic alias, which was not offered")]
    TopicAlias,
    /// The packet is longer than this client said it takes.
    #[error("a packet of {length} bytes, at most {limit} were offered")]
    TooLong {
        /// Its length with its header, in bytes.
        length: u32,
        /// What was offered in CONNECT.
        limit: u32,
    },
}

impl PacketError {
    /// What to tell the broker in DISCONNECT.
    pub const fn reason_code(&self) -> ReasonCode {
        match self {
            Self::Type { .. } | Self::RepeatedProperty { .. } | Self::PacketId | Self::Value => {
                ReasonCode::PROTOCOL_ERROR
            }
            Self::TopicAlias => ReasonCode::TOPIC_ALIAS_INVALID,
            Self::QoS2 => ReasonCode::QOS_NOT_SUPPORTED,
            Self::TooLong { .. } => ReasonCode::PACKET_TOO_LARGE,
            _ => ReasonCode::MALFORMED_PACKET,
        }
    }
}

/// A packet of ours does not fit into the buffer it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packet does not fit into the buffer for outgoing packets")]
pub struct Overflow;
