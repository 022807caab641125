//! MQTT packets, byte by byte (MQTT 3.1.1, and 5 where it differs), so that wrong ones can be written too.

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1
    V311,
    /// MQTT 5
    V5,
}

impl Version {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V311, Self::V5];
}

/// Quality of service.
pub type QoS = u8;

/// What a CONNECT says.
#[derive(Clone, Debug)]
pub struct Connect {
    version: Version,
    client_id: String,
    clean: bool,
    keep_alive: u16,
    /// Session Expiry Interval, in seconds (MQTT 5).
    expiry: u32,
    will: Option<Will>,
    user_name: Option<String>,
    password: Option<Vec<u8>>,
}

/// The last will in a CONNECT.
#[derive(Clone, Debug)]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// What is published.
    pub payload: String,
    /// With which quality of service.
    pub qos: QoS,
    /// Whether it is retained.
    pub retain: bool,
    /// Will Delay Interval, in seconds (MQTT 5).
    pub delay: u32,
}

impl Connect {
    /// A clean session.
    pub fn new(version: Version, client_id: &str) -> Self {
        let client_id = client_id.to_owned();
        Self {
            version,
            client_id,
            clean: true,
            keep_alive: 60,
            expiry: 0,
            will: None,
            user_name: None,
            password: None,
        }
    }

    /// A session that survives its connection.
    pub fn persistent(self) -> Self {
        Self { clean: false, expiry: 3600, ..self }
    }

    /// Leaves the client id to the broker.
    pub fn without_id(self) -> Self {
        Self { client_id: String::new(), ..self }
    }

    /// How many seconds the client may be silent.
    pub fn keep_alive(self, seconds: u16) -> Self {
        Self { keep_alive: seconds, ..self }
    }

    /// What is published for the client when it goes without a word.
    pub fn will(self, topic: &str, payload: &str) -> Self {
        let will = Will { topic: topic.into(), payload: payload.into(), qos: 1, retain: false, delay: 0 };
        Self { will: Some(will), ..self }
    }

    /// The same, so many seconds after it has gone (MQTT 5), if it has not come back by then.
    pub fn delayed_will(self, topic: &str, payload: &str, delay: u32) -> Self {
        let mut connect = self.will(topic, payload);
        connect.will.iter_mut().for_each(|will| will.delay = delay);
        connect
    }

    /// Under this user name.
    pub fn user_name(self, name: &str) -> Self {
        Self { user_name: Some(name.to_owned()), ..self }
    }

    /// With this password. MQTT 3.1.1 has none without a user name (§3.1.2.9); it is written all the same.
    pub fn password(self, password: impl Into<Vec<u8>>) -> Self {
        Self { password: Some(password.into()), ..self }
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The packet.
    pub fn packet(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        if let Some(will) = &self.will {
            flags |= 0x04 | will.qos << 3 | u8::from(will.retain) << 5;
        }
        flags |= u8::from(self.user_name.is_some()) << 7 | u8::from(self.password.is_some()) << 6;
        let mut body = text("MQTT");
        body.push(if self.version == Version::V5 { 5 } else { 4 });
        body.push(flags);
        body.extend(self.keep_alive.to_be_bytes());
        if self.version == Version::V5 {
            let mut properties = Vec::new();
            if self.expiry > 0 {
                properties.push(0x11);
                properties.extend(self.expiry.to_be_bytes());
            }
            body.extend(length(properties.len()));
            body.extend(properties);
        }
        body.extend(text(&self.client_id));
        if let Some(will) = &self.will {
            if will.delay > 0 {
                body.extend(length(5));
                body.push(0x18);
                body.extend(will.delay.to_be_bytes());
            } else {
                body.extend(no_properties(self.version));
            }
            body.extend(text(&will.topic));
            body.extend(text(&will.payload));
        }
        body.extend(self.user_name.iter().flat_map(|name| text(name)));
        body.extend(self.password.iter().flat_map(|password| binary(password)));
        frame(0x10, &body)
    }
}

/// PUBLISH. The packet id counts with QoS 1 and 2 only.
pub fn publish(version: Version, topic: &str, payload: &[u8], qos: QoS, retain: bool, id: u16) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    body.extend(no_properties(version));
    body.extend(payload);
    frame(0x30 | qos << 1 | u8::from(retain), &body)
}

/// SUBSCRIBE to one filter.
pub fn subscribe(version: Version, filter: &str, qos: QoS, id: u16) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(no_properties(version));
    body.extend(text(filter));
    body.push(qos);
    frame(0x82, &body)
}

/// UNSUBSCRIBE from one filter.
pub fn unsubscribe(version: Version, filter: &str, id: u16) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(no_properties(version));
    body.extend(text(filter));
    frame(0xA2, &body)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP, by its first byte, with the success that goes unsaid in both versions.
pub fn acknowledge(header: u8, id: u16) -> Vec<u8> {
    frame(header, &id.to_be_bytes())
}

/// PINGREQ
pub const PINGREQ: [u8; 2] = [0xC0, 0];

/// DISCONNECT, the proper good-bye of both versions.
pub const DISCONNECT: [u8; 2] = [0xE0, 0];

/// A packet: its first byte, the length, the rest.
pub fn frame(header: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![header];
    packet.extend(length(body.len()));
    packet.extend(body);
    packet
}

fn no_properties(version: Version) -> &'static [u8] {
    match version {
        Version::V311 => &[],
        Version::V5 => &[0],
    }
}

/// A UTF-8 string with its length in front (MQTT 5 §1.5.4).
pub fn text(text: &str) -> Vec<u8> {
    binary(text.as_bytes())
}

/// Binary data with its length in front (MQTT 5 §1.5.6).
pub fn binary(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("what a test writes is short");
    [&length.to_be_bytes(), data].concat()
}

/// A variable byte integer (MQTT 5 §1.5.5).
pub fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value % 128) as u8;
        value /= 128;
        bytes.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return bytes;
        }
    }
}

/// The type of a packet: the upper half of its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names of MQTT §2.1.2")]
pub enum Kind {
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    SubAck = 9,
    UnsubAck = 11,
    PingResp = 13,
    Disconnect = 14,
}

/// A packet from the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    version: Version,
    header: u8,
    body: Vec<u8>,
}

/// A message from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: String,
    /// What was published.
    pub payload: String,
    /// With which quality of service it is delivered.
    pub qos: QoS,
    /// Whether it is delivered as a retained one.
    pub retain: bool,
    /// Whether it was delivered before.
    pub duplicate: bool,
    /// Its packet id; 0 with QoS 0.
    pub id: u16,
}

impl Packet {
    /// Takes the first whole packet off `received`.
    pub fn take(version: Version, received: &mut Vec<u8>) -> Option<Self> {
        let (body_len, length_len) = variable(received.get(1..)?)?;
        let start = 1 + length_len;
        if received.len() < start + body_len {
            return None;
        }
        let packet: Vec<u8> = received.drain(..start + body_len).collect();
        Some(Self { version, header: packet[0], body: packet[start..].to_vec() })
    }

    /// Whether it is of this type.
    pub fn is(&self, kind: Kind) -> bool {
        self.header >> 4 == kind as u8
    }

    /// Its first byte: the type, and the flags.
    pub fn header(&self) -> u8 {
        self.header
    }

    /// Everything after the length.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The reason code (3.1.1: return code) of CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK or DISCONNECT. Where MQTT 5
    /// leaves out a success, that is 0.
    #[track_caller]
    pub fn reason_code(&self) -> u8 {
        let at = match self.header >> 4 {
            2 => 1,
            4..=7 => 2,
            9 | 11 if self.version == Version::V5 => {
                let (properties, length_len) = variable(&self.body[2..]).expect("properties have a length");
                2 + length_len + properties
            }
            9 => 2,
            14 => 0,
            _ => panic!("{self:?} has no reason code"),
        };
        self.body.get(at).copied().unwrap_or(0)
    }

    /// Whether CONNACK says that the broker has a session.
    pub fn session_present(&self) -> bool {
        self.is(Kind::ConnAck) && self.body[0] & 1 == 1
    }

    /// The packet id of PUBACK, PUBREC, PUBREL or PUBCOMP.
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// What a PUBLISH carries.
    #[track_caller]
    pub fn message(&self) -> Message {
        assert!(self.is(Kind::Publish), "{self:?} is no PUBLISH");
        let qos = self.header >> 1 & 3;
        let topic_len = usize::from(self.id());
        let (topic, mut rest) = self.body[2..].split_at(topic_len);
        let mut id = 0;
        if qos > 0 {
            id = u16::from_be_bytes([rest[0], rest[1]]);
            rest = &rest[2..];
        }
        if self.version == Version::V5 {
            let (properties, length_len) = variable(rest).expect("properties have a length");
            rest = &rest[length_len + properties..];
        }
        Message {
            topic: String::from_utf8_lossy(topic).into_owned(),
            payload: String::from_utf8_lossy(rest).into_owned(),
            qos,
            retain: self.header & 1 == 1,
            duplicate: self.header & 8 == 8,
            id,
        }
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.body.iter().flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
        write!(f, "packet {:#04x} \"{text}\"", self.header)
    }
}

/// A variable byte integer at the start of `bytes`, and how long it is.
pub fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
