//! Packets with everything that can be in them, for both versions.

use crate::mqtt::{self, QoS, Version, frame, length, text};

/// The properties of a packet (MQTT 5 §2.2.2); version 3.1.1 has none, and leaves them out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(Vec<u8>);

impl Properties {
    pub(super) fn byte(mut self, id: u8, value: u8) -> Self {
        self.0.extend([id, value]);
        self
    }

    pub(super) fn two(mut self, id: u8, value: u16) -> Self {
        self.0.push(id);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn four(mut self, id: u8, value: u32) -> Self {
        self.0.push(id);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn variable(mut self, id: u8, value: usize) -> Self {
        self.0.push(id);
        self.0.extend(length(value));
        self
    }

    pub(super) fn text(mut self, id: u8, value: &str) -> Self {
        self.0.push(id);
        self.0.extend(text(value));
        self
    }

    pub(super) fn user(mut self, key: &str, value: &str) -> Self {
        self.0.push(0x26);
        self.0.extend(text(key));
        self.0.extend(text(value));
        self
    }

    fn of(&self, version: Version) -> Vec<u8> {
        match version {
            Version::V311 => Vec::new(),
            Version::V5 => [length(self.0.len()), self.0.clone()].concat(),
        }
    }
}

/// A PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) duplicate: bool,
    pub(super) id: u16,
    pub(super) properties: Properties,
}

impl Publish {
    pub(super) fn new(topic: &str, payload: impl Into<Vec<u8>>, qos: QoS, id: u16) -> Self {
        Self {
            topic: topic.to_owned(),
            payload: payload.into(),
            qos,
            retain: false,
            duplicate: false,
            id,
            properties: Properties::default(),
        }
    }

    pub(super) fn packet(&self, version: Version) -> Vec<u8> {
        let mut body = text(&self.topic);
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        body.extend(self.properties.of(version));
        body.extend(&self.payload);
        let flags = u8::from(self.duplicate) << 3 | self.qos << 1 | u8::from(self.retain);
        frame(0x30 | flags, &body)
    }
}

/// SUBSCRIBE; each filter with its options byte.
pub(super) fn subscribe(
    version: Version,
    id: u16,
    filters: &[(String, u8)],
    properties: &Properties,
) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(properties.of(version));
    for (filter, options) in filters {
        body.extend(text(filter));
        body.push(*options);
    }
    frame(0x82, &body)
}

/// UNSUBSCRIBE
pub(super) fn unsubscribe(version: Version, id: u16, filters: &[String]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.extend(Properties::default().of(version));
    for filter in filters {
        body.extend(text(filter));
    }
    frame(0xA2, &body)
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP, by its first byte, with a reason code in so many words where the version has it.
pub(super) fn acknowledge(
    version: Version,
    header: u8,
    id: u16,
    code: u8,
    properties: &Properties,
) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 && (code != 0 || *properties != Properties::default()) {
        body.push(code);
        body.extend(properties.of(version));
    }
    frame(header, &body)
}

/// What a CONNECT says.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) version: Version,
    pub(super) client_id: String,
    pub(super) clean: bool,
    /// Session Expiry Interval, in seconds. With 3.1.1 a session that is not clean has no end.
    pub(super) expiry: u32,
    pub(super) properties: Properties,
    pub(super) will: Option<Will>,
}

/// The last will of a CONNECT.
#[derive(Clone, Debug)]
pub(super) struct Will {
    pub(super) publish: Publish,
    /// In seconds (MQTT 5).
    pub(super) delay: u32,
}

impl Opening {
    pub(super) fn new(version: Version, client_id: &str) -> Self {
        let properties = Properties::default();
        Self { version, client_id: client_id.to_owned(), clean: true, expiry: 0, properties, will: None }
    }

    /// For how many seconds the session outlives the connection.
    pub(super) fn lasts(&self) -> u32 {
        match self.version {
            Version::V5 => self.expiry,
            Version::V311 if self.clean => 0,
            Version::V311 => u32::MAX,
        }
    }

    pub(super) fn packet(&self) -> Vec<u8> {
        let mut flags = u8::from(self.clean) << 1;
        if let Some(will) = &self.will {
            flags |= 0x04 | will.publish.qos << 3 | u8::from(will.publish.retain) << 5;
        }
        let mut body = text("MQTT");
        body.extend([if self.version == Version::V5 { 5 } else { 4 }, flags, 0, 60]);
        let mut properties = self.properties.clone();
        if self.expiry > 0 {
            properties = properties.four(0x11, self.expiry);
        }
        body.extend(properties.of(self.version));
        body.extend(text(&self.client_id));
        if let Some(will) = &self.will {
            let mut properties = will.publish.properties.clone();
            if will.delay > 0 {
                properties = properties.four(0x18, will.delay);
            }
            body.extend(properties.of(self.version));
            body.extend(text(&will.publish.topic));
            body.extend(u16::try_from(will.publish.payload.len()).expect("a will is short").to_be_bytes());
            body.extend(&will.publish.payload);
        }
        frame(0x10, &body)
    }
}

/// DISCONNECT; a reason code and properties where the version has them and they say something.
pub(super) fn disconnect(version: Version, code: u8, properties: &Properties) -> Vec<u8> {
    if version == Version::V311 || (code == 0 && *properties == Properties::default()) {
        return mqtt::DISCONNECT.to_vec();
    }
    frame(0xE0, &[vec![code], properties.of(version)].concat())
}
