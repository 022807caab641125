//! MQTT 3.1.1 and 5 as a client writes and reads them, without properties but for one.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1
    V311 = 4,
    /// MQTT 5
    V5 = 5,
}

/// Quality of service: 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QoS {
    /// At most once.
    AtMostOnce = 0,
    /// At least once.
    AtLeastOnce = 1,
}

/// Writes packets of one version.
#[derive(Clone, Copy, Debug)]
pub struct Writer(pub Version);

impl Writer {
    /// CONNECT. A session expiry of zero asks for a clean session that ends with the connection; anything else, in
    /// seconds, resumes a session. Of MQTT 3.1.1 the number is not told.
    pub fn connect(self, client_id: &str, keep_alive: u16, session_expiry: u32) -> Bytes {
        let mut body = BytesMut::new();
        text(&mut body, "MQTT");
        body.put_u8(self.0 as u8);
        body.put_u8(if session_expiry == 0 { 0x02 } else { 0 });
        body.put_u16(keep_alive);
        if self.0 == Version::V5 {
            if session_expiry > 0 {
                body.put_u8(5);
                body.put_u8(0x11);
                body.put_u32(session_expiry);
            } else {
                body.put_u8(0);
            }
        }
        text(&mut body, client_id);
        framed(0x10, &body)
    }

    /// SUBSCRIBE to one filter.
    pub fn subscribe(self, id: u16, filter: &str, qos: QoS) -> Bytes {
        let mut body = BytesMut::new();
        body.put_u16(id);
        self.no_properties(&mut body);
        text(&mut body, filter);
        body.put_u8(qos as u8);
        framed(0x82, &body)
    }

    /// PUBLISH with QoS 0.
    pub fn publish(self, topic: &str, payload: &[u8]) -> Bytes {
        let mut body = BytesMut::new();
        text(&mut body, topic);
        self.no_properties(&mut body);
        body.put_slice(payload);
        framed(0x30, &body)
    }

    /// PUBLISH with QoS 1.
    pub fn publish_acknowledged(self, id: u16, topic: &str, payload: &[u8]) -> Bytes {
        let mut body = BytesMut::new();
        text(&mut body, topic);
        body.put_u16(id);
        self.no_properties(&mut body);
        body.put_slice(payload);
        framed(0x32, &body)
    }

    /// PUBACK of success.
    pub fn acknowledge(self, id: u16) -> Bytes {
        framed(0x40, &id.to_be_bytes())
    }

    fn no_properties(self, body: &mut BytesMut) {
        if self.0 == Version::V5 {
            body.put_u8(0);
        }
    }
}

/// PINGREQ
pub const PINGREQ: Bytes = Bytes::from_static(&[0xC0, 0]);

/// DISCONNECT, the proper good-bye.
pub const DISCONNECT: Bytes = Bytes::from_static(&[0xE0, 0]);

fn framed(first: u8, body: &[u8]) -> Bytes {
    let mut packet = BytesMut::with_capacity(5 + body.len());
    packet.put_u8(first);
    let mut length = body.len();
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        packet.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    packet.put_slice(body);
    packet.freeze()
}

fn text(body: &mut BytesMut, text: &str) {
    let length = u16::try_from(text.len()).expect("names and topics are short");
    body.put_u16(length);
    body.put_slice(text.as_bytes());
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// CONNACK with its reason code; whether the server has a session.
    ConnAck(u8, bool),
    /// PUBLISH
    Publish {
        /// Zero with QoS 0.
        id: u16,
        /// Whether it was delivered before.
        duplicate: bool,
        /// What was published.
        payload: Bytes,
    },
    /// PUBACK with its id and reason code.
    PubAck(u16, u8),
    /// SUBACK with its reason code.
    SubAck(u8),
    /// PINGRESP
    PingResp,
    /// DISCONNECT with its reason code.
    Disconnect(u8),
    /// Something else, by its first byte.
    Other(u8),
}

impl Packet {
    /// Takes the first whole packet off `received`. A server that breaks the rules of lengths gives [`Packet::Other`].
    pub fn take(version: Version, received: &mut BytesMut) -> Option<Self> {
        let first = *received.first()?;
        let (length, length_len) = variable(received.get(1..)?)?;
        let start = 1 + length_len;
        if received.len() < start + length {
            received.reserve(start + length - received.len());
            return None;
        }
        let mut body = received.split_to(start + length).freeze();
        body.advance(start);
        Some(Self::read(version, first, body).unwrap_or(Self::Other(first)))
    }

    fn read(version: Version, first: u8, mut body: Bytes) -> Option<Self> {
        match first >> 4 {
            2 => {
                let flags = body.try_get_u8().ok()?;
                Some(Self::ConnAck(body.try_get_u8().ok()?, flags & 1 == 1))
            }
            3 => {
                let topic = usize::from(body.try_get_u16().ok()?);
                skip(&mut body, topic)?;
                let id = if first & 0x06 == 0 { 0 } else { body.try_get_u16().ok()? };
                if version == Version::V5 {
                    let (properties, length_len) = variable(&body)?;
                    skip(&mut body, length_len + properties)?;
                }
                Some(Self::Publish { id, duplicate: first & 0x08 != 0, payload: body })
            }
            4 => {
                let id = body.try_get_u16().ok()?;
                Some(Self::PubAck(id, body.try_get_u8().unwrap_or(0)))
            }
            9 => Some(Self::SubAck(*body.last()?)),
            13 => Some(Self::PingResp),
            14 => Some(Self::Disconnect(body.try_get_u8().unwrap_or(0))),
            _ => None,
        }
    }
}

fn skip(body: &mut Bytes, count: usize) -> Option<()> {
    if body.len() < count {
        return None;
    }
    body.advance(count);
    Some(())
}

/// A variable byte integer (MQTT 5 §1.5.5) at the start of `bytes`, and how long it is.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
