//! Properties (MQTT 5 §2.2.2): which packet may have which, how often, and of what type.

use super::error::PacketError;
use super::wire::Reader;

pub(super) const SESSION_EXPIRY_INTERVAL: u8 = 0x11;
pub(super) const ASSIGNED_CLIENT_IDENTIFIER: u8 = 0x12;
pub(super) const SERVER_KEEP_ALIVE: u8 = 0x13;
pub(super) const REASON_STRING: u8 = 0x1F;
pub(super) const RECEIVE_MAXIMUM: u8 = 0x21;
pub(super) const TOPIC_ALIAS: u8 = 0x23;
pub(super) const MAXIMUM_QOS: u8 = 0x24;
pub(super) const RETAIN_AVAILABLE: u8 = 0x25;
pub(super) const USER_PROPERTY: u8 = 0x26;
pub(super) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;

/// A set of property identifiers, all of which are below 64.
#[derive(Clone, Copy)]
pub(super) struct Allowed(u64);

impl Allowed {
    pub(super) const fn new<const N: usize>(ids: [u8; N]) -> Self {
        let mut set = 0;
        let mut rest: &[u8] = &ids;
        while let [id, more @ ..] = rest {
            set |= 1 << *id;
            rest = more;
        }
        Self(set)
    }

    pub(super) const CONNACK: Self = Self::new([
        SESSION_EXPIRY_INTERVAL,
        ASSIGNED_CLIENT_IDENTIFIER,
        SERVER_KEEP_ALIVE,
        0x15,
        0x16,
        0x1A,
        0x1C,
        REASON_STRING,
        RECEIVE_MAXIMUM,
        0x22,
        MAXIMUM_QOS,
        RETAIN_AVAILABLE,
        USER_PROPERTY,
        MAXIMUM_PACKET_SIZE,
        0x28,
        0x29,
        0x2A,
    ]);
    pub(super) const PUBLISH: Self =
        Self::new([0x01, 0x02, 0x03, 0x08, 0x09, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS, USER_PROPERTY]);
    pub(super) const ACKNOWLEDGEMENT: Self = Self::new([REASON_STRING, USER_PROPERTY]);
    pub(super) const DISCONNECT: Self = Self::new([0x1C, REASON_STRING, USER_PROPERTY]);
}

/// The value of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A byte, two, four, or a variable byte integer.
    Number(u32),
    Text(&'a str),
    Binary,
    Pair(&'a str, &'a str),
}

/// The properties of a packet, one after the other.
pub(super) struct Properties<'a> {
    rest: Reader<'a>,
    allowed: Allowed,
    seen: u64,
}

impl<'a> Properties<'a> {
    /// Takes the properties off the front of `packet`.
    pub(super) fn take(packet: &mut Reader<'a>, allowed: Allowed) -> Result<Self, PacketError> {
        let length = usize::try_from(packet.variable()?).map_err(|_| PacketError::Truncated)?;
        Ok(Self { rest: Reader::new(packet.bytes(length)?), allowed, seen: 0 })
    }

    /// The next property, or `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<(u8, Value<'a>)>, PacketError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let id = self.rest.variable()?;
        let unknown = PacketError::Property { id };
        let id = u8::try_from(id).ok().filter(|id| *id < 64).ok_or(unknown)?;
        let bit = 1 << id;
        if self.allowed.0 & bit == 0 {
            return Err(unknown);
        }
        if self.seen & bit != 0 && !matches!(id, USER_PROPERTY | SUBSCRIPTION_IDENTIFIER) {
            return Err(PacketError::RepeatedProperty { id });
        }
        self.seen |= bit;
        let rest = &mut self.rest;
        let value = match id {
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2A => match rest.byte()? {
                // Every property of type byte is 0 or 1.
                byte @ (0 | 1) => Value::Number(u32::from(byte)),
                _ => return Err(PacketError::Value),
            },
            0x13 | 0x21 | 0x22 | 0x23 => Value::Number(u32::from(rest.u16()?)),
            0x02 | 0x11 | 0x18 | 0x27 => Value::Number(rest.u32()?),
            SUBSCRIPTION_IDENTIFIER => match rest.variable()? {
                0 => return Err(PacketError::Value),
                number => Value::Number(number),
            },
            0x09 | 0x16 => {
                rest.binary()?;
                Value::Binary
            }
            USER_PROPERTY => Value::Pair(rest.text()?, rest.text()?),
            _ => Value::Text(rest.text()?),
        };
        Ok(Some((id, value)))
    }

    /// Reads them all for their form alone.
    pub(super) fn check(mut self) -> Result<(), PacketError> {
        while self.next()?.is_some() {}
        Ok(())
    }
}
