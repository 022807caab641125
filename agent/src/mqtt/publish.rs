//! PUBLISH (MQTT 5 §3.3), both ways.

use core::fmt;

use super::error::{Overflow, PacketError};
use super::property::{Allowed, Properties, TOPIC_ALIAS};
use super::wire::{Reader, Writer};
use super::{PacketId, QoS};

const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

/// A message from the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// The topic it was published on.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a [u8],
    /// With QoS 1, what the acknowledgement is to name.
    pub packet_id: Option<PacketId>,
    /// Whether the broker had kept it for subscribers to come.
    pub retain: bool,
    /// The broker has sent it before, and cannot know whether it arrived.
    pub dup: bool,
}

impl<'a> Publish<'a> {
    pub(super) fn parse(first: u8, mut body: Reader<'a>) -> Result<Self, PacketError> {
        let (dup, retain) = (first & DUP != 0, first & RETAIN != 0);
        let topic = body.text()?;
        let packet_id = match first >> 1 & 0b11 {
            // DUP must be 0 for all QoS 0 messages [MQTT-3.3.1-2].
            0 if dup => return Err(PacketError::Type { first }),
            0 => None,
            1 => Some(body.packet_id()?),
            2 => return Err(PacketError::QoS2),
            _ => return Err(PacketError::Type { first }),
        };
        let mut properties = Properties::take(&mut body, Allowed::PUBLISH)?;
        while let Some((id, _)) = properties.next()? {
            if id == TOPIC_ALIAS {
                return Err(PacketError::TopicAlias);
            }
        }
        if topic.is_empty() {
            return Err(PacketError::Value);
        }
        Ok(Self { topic, payload: body.rest(), packet_id, retain, dup })
    }
}

/// A message to the broker.
#[derive(Clone, Copy, Debug)]
pub struct OutgoingPublish<'a, T> {
    /// The topic.
    pub topic: &'a T,
    /// With QoS 1, what the broker is to name in its acknowledgement.
    pub packet_id: Option<PacketId>,
    /// Whether the broker is to keep it for subscribers to come.
    pub retain: bool,
    /// It has been sent before, over another connection.
    pub dup: bool,
    /// The length of its payload, in bytes.
    pub payload_len: usize,
}

impl<T: fmt::Display> OutgoingPublish<'_, T> {
    /// Writes everything that comes before the payload to `buffer`.
    pub fn encode<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Overflow> {
        let mut first = 0x30;
        let mut packet = Writer::new(buffer);
        packet.text(self.topic);
        if let Some(id) = self.packet_id {
            first |= QoS::AtLeastOnce.bits() << 1;
            if self.dup {
                first |= DUP;
            }
            packet.u16(id.get());
        }
        if self.retain {
            first |= RETAIN;
        }
        packet.variable(0);
        packet.finish(first, self.payload_len)
    }
}

impl QoS {
    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
        }
    }
}
