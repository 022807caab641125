//! The packets a broker can send.

use super::acknowledgement::{Puback, Suback};
use super::connack::Connack;
use super::disconnect::Disconnect;
use super::error::PacketError;
use super::publish::Publish;
use super::wire::Reader;

/// A packet of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// The answer to CONNECT.
    Connack(Connack),
    /// A message.
    Publish(Publish<'a>),
    /// The answer to a message of ours.
    Puback(Puback),
    /// The answer to SUBSCRIBE.
    Suback(Suback),
    /// The answer to PINGREQ.
    Pingresp,
    /// The end.
    Disconnect(Disconnect),
}

impl<'a> Incoming<'a> {
    /// Reads one packet: its first byte, and everything after its length.
    pub fn parse(first: u8, body: &'a [u8]) -> Result<Self, PacketError> {
        let body = Reader::new(body);
        match first {
            0x20 => Connack::parse(body).map(Self::Connack),
            0x30..=0x3F => Publish::parse(first, body).map(Self::Publish),
            0x40 => Puback::parse(body).map(Self::Puback),
            0x90 => Suback::parse(body).map(Self::Suback),
            0xD0 => body.end().map(|()| Self::Pingresp),
            0xE0 => Disconnect::parse(body).map(Self::Disconnect),
            // QoS 2, UNSUBACK and AUTH answer to what this client never asks; the rest is not a broker's to send.
            _ => Err(PacketError::Type { first }),
        }
    }
}
