//! What the broker says, read strictly: what it sends must be well-formed, whatever it was sent.

use crate::mqtt::{Packet, QoS, Version, variable};

/// A packet from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    ConnAck { present: bool, code: u8 },
    Publish(Delivered),
    PubAck { id: u16, code: u8 },
    PubRec { id: u16, code: u8 },
    PubRel { id: u16, code: u8 },
    PubComp { id: u16, code: u8 },
    SubAck { id: u16, codes: Vec<u8> },
    UnsubAck { id: u16, codes: Vec<u8> },
    PingResp,
    Disconnect { code: u8 },
}

/// A message from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) duplicate: bool,
    pub(super) id: u16,
    pub(super) subscription_ids: Vec<usize>,
    /// Bytes of the whole packet.
    pub(super) packet_len: usize,
}

/// The broker sent something that is no packet.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) &'static str);

impl Answer {
    pub(super) fn read(version: Version, packet: &Packet) -> Result<Self, Malformed> {
        let mut body = Body { rest: packet.body(), version };
        let flags = packet.header() & 0x0F;
        let answer = match packet.header() >> 4 {
            2 => {
                let (flags, code) = (body.byte()?, body.byte()?);
                body.properties()?;
                if flags > 1 || (flags == 1 && code != 0) {
                    return Err(Malformed("CONNACK with wrong flags"));
                }
                Self::ConnAck { present: flags == 1, code }
            }
            3 => return Ok(Self::Publish(body.delivered(packet)?)),
            4 => body.acknowledgement(|id, code| Self::PubAck { id, code })?,
            5 => body.acknowledgement(|id, code| Self::PubRec { id, code })?,
            6 => body.acknowledgement(|id, code| Self::PubRel { id, code })?,
            7 => body.acknowledgement(|id, code| Self::PubComp { id, code })?,
            9 | 11 => {
                let id = body.two()?;
                body.properties()?;
                let codes = std::mem::take(&mut body.rest).to_vec();
                if packet.header() >> 4 == 9 {
                    Self::SubAck { id, codes }
                } else {
                    Self::UnsubAck { id, codes }
                }
            }
            13 => Self::PingResp,
            14 if version == Version::V5 => {
                let code = if body.rest.is_empty() { 0 } else { body.byte()? };
                if !body.rest.is_empty() {
                    body.properties()?;
                }
                Self::Disconnect { code }
            }
            _ => return Err(Malformed("a packet no broker sends")),
        };
        let right_flags = if packet.header() >> 4 == 6 { 2 } else { 0 };
        match (body.rest, flags == right_flags) {
            ([], true) => Ok(answer),
            ([], false) => Err(Malformed("wrong flags")),
            _ => Err(Malformed("bytes behind the end")),
        }
    }

    /// A word for the tables.
    pub(super) fn label(&self) -> String {
        let coded = |name: &str, code: &u8| match code {
            0 => name.to_owned(),
            code => format!("{name} {code:#04x}"),
        };
        match self {
            Self::ConnAck { code, .. } => coded("CONNACK", code),
            Self::Publish(message) => format!("PUBLISH QoS {}", message.qos),
            Self::PubAck { code, .. } => coded("PUBACK", code),
            Self::PubRec { code, .. } => coded("PUBREC", code),
            Self::PubRel { code, .. } => coded("PUBREL", code),
            Self::PubComp { code, .. } => coded("PUBCOMP", code),
            Self::SubAck { codes, .. } => match codes.iter().find(|code| **code >= 0x80) {
                Some(code) => coded("SUBACK", code),
                None => "SUBACK".into(),
            },
            Self::UnsubAck { .. } => "UNSUBACK".into(),
            Self::PingResp => "PINGRESP".into(),
            Self::Disconnect { code } => format!("DISCONNECT {code:#04x}"),
        }
    }
}

struct Body<'a> {
    rest: &'a [u8],
    version: Version,
}

impl<'a> Body<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn two(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// The bytes of the properties; none with 3.1.1.
    fn properties(&mut self) -> Result<&'a [u8], Malformed> {
        if self.version == Version::V311 {
            return Ok(&[]);
        }
        let (len, len_len) = variable(self.rest).ok_or(Malformed("properties without a length"))?;
        self.take(len_len)?;
        self.take(len)
    }

    fn acknowledgement(&mut self, make: impl Fn(u16, u8) -> Answer) -> Result<Answer, Malformed> {
        let id = self.two()?;
        if self.rest.is_empty() {
            return Ok(make(id, 0));
        }
        if self.version == Version::V311 {
            return Err(Malformed("a reason code in 3.1.1"));
        }
        let code = self.byte()?;
        if !self.rest.is_empty() {
            self.properties()?;
        }
        Ok(make(id, code))
    }

    fn delivered(mut self, packet: &Packet) -> Result<Delivered, Malformed> {
        let topic_len = self.two()?;
        let topic = String::from_utf8(self.take(topic_len.into())?.to_vec());
        let qos = packet.header() >> 1 & 3;
        let id = if qos > 0 { self.two()? } else { 0 };
        let properties = self.properties()?;
        if qos == 3 || (qos > 0 && id == 0) {
            return Err(Malformed("QoS 3, or packet id 0"));
        }
        Ok(Delivered {
            topic: topic.map_err(|_| Malformed("a topic that is no UTF-8"))?,
            payload: self.rest.to_vec(),
            qos,
            retain: packet.header() & 1 == 1,
            duplicate: packet.header() & 8 == 8,
            id,
            subscription_ids: subscription_ids(properties)?,
            packet_len: 1 + crate::mqtt::length(packet.body().len()).len() + packet.body().len(),
        })
    }
}

/// The subscription identifiers among the properties of a PUBLISH, none of which may be unknown.
fn subscription_ids(properties: &[u8]) -> Result<Vec<usize>, Malformed> {
    let mut body = Body { rest: properties, version: Version::V5 };
    let mut ids = Vec::new();
    while !body.rest.is_empty() {
        match body.byte()? {
            0x01 => drop(body.byte()?),
            0x02 => drop(body.take(4)?),
            0x03 | 0x08 | 0x09 => {
                let len = body.two()?;
                body.take(len.into())?;
            }
            0x0B => {
                let (id, len) = variable(body.rest).ok_or(Malformed("a subscription identifier"))?;
                body.take(len)?;
                ids.push(id);
            }
            0x26 => {
                for _ in 0..2 {
                    let len = body.two()?;
                    body.take(len.into())?;
                }
            }
            _ => return Err(Malformed("a property that no PUBLISH of a broker has here")),
        }
    }
    Ok(ids)
}
