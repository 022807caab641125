//! How a [`Message`] travels through the router: as the payload of a plain QoS 0 publish.
//!
//! The router would alter quality of service and retain flag, and would answer for packet ids; an envelope it
//! cannot open keeps all of that to the session layer.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::message::{Message, Origin};
use crate::bus::Marks;
use mqtt::{PublishProperties, QoS, Text};

#[derive(Serialize, Deserialize)]
struct Header {
    topic: Text,
    qos: QoS,
    retain: bool,
    origin: u64,
    kept: u64,
    /// Milliseconds after `epoch`.
    expires_at: Option<u64>,
    properties: Option<Box<PublishProperties>>,
    marks: Marks,
    place: u64,
}

/// What was in an envelope.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) message: Message,
    pub(super) marks: Marks,
    /// Its place in the order of publishing.
    pub(super) place: u64,
}

/// Writes envelopes of one engine, and opens them. Instants are carried relative to the engine's start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelopes {
    epoch: Instant,
}

impl Envelopes {
    pub(super) fn new(epoch: Instant) -> Self {
        Self { epoch }
    }

    pub(super) fn seal(&self, message: Message, marks: Marks, place: u64) -> Bytes {
        let header = Header {
            topic: message.topic,
            qos: message.qos,
            retain: message.retain,
            origin: message.origin.0,
            kept: message.kept,
            expires_at: message.expires_at.map(|at| {
                u64::try_from(at.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX)
            }),
            properties: message.properties,
            marks,
            place,
        };
        let mut bytes = BytesMut::with_capacity(64 + header.topic.len() + message.payload.len()).writer();
        if postcard::to_io(&header, &mut bytes).is_err() {
            // Writing to memory does not fail; an empty envelope would be dropped by `open`.
            return Bytes::new();
        }
        let mut bytes = bytes.into_inner();
        bytes.extend_from_slice(&message.payload);
        bytes.freeze()
    }

    pub(super) fn open(&self, sealed: &Bytes) -> Option<Opened> {
        let (header, payload) = postcard::take_from_bytes::<Header>(sealed).ok()?;
        let payload = sealed.slice_ref(payload);
        let message = Message {
            topic: header.topic,
            payload,
            qos: header.qos,
            retain: header.retain,
            origin: Origin(header.origin),
            kept: header.kept,
            expires_at: header.expires_at.and_then(|ms| self.epoch.checked_add(Duration::from_millis(ms))),
            properties: header.properties,
        };
        Some(Opened { message, marks: header.marks, place: header.place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sealed_message_opens_as_it_was() {
        let envelopes = Envelopes::new(Instant::now());
        let message = Message {
            topic: Text::from_static("devices/dev-1/telemetry/é"),
            payload: Bytes::from_static(b"\0\xff"),
            qos: QoS::ExactlyOnce,
            retain: true,
            origin: Origin(u64::MAX),
            kept: 7,
            expires_at: Some(Instant::now() + Duration::from_secs(9)),
            properties: Some(Box::new(PublishProperties {
                user_properties: vec![(Text::from_static("a"), Text::from_static("b"))],
                correlation_data: Some(Bytes::from_static(b"\x01")),
                ..PublishProperties::default()
            })),
        };
        let marks = Marks([1, 0, u64::MAX, 4]);
        let opened = envelopes.open(&envelopes.seal(message.clone(), marks, 5)).unwrap();
        assert_eq!((opened.marks, opened.place), (marks, 5));
        let opened = opened.message;
        assert_eq!(opened.topic, message.topic);
        assert_eq!(opened.payload, message.payload);
        assert_eq!(
            (opened.qos, opened.retain, opened.origin, opened.kept),
            (message.qos, message.retain, message.origin, 7)
        );
        assert_eq!(opened.properties, message.properties);
        let drift = opened.expires_at.unwrap().max(message.expires_at.unwrap())
            - opened.expires_at.unwrap().min(message.expires_at.unwrap());
        assert!(drift < Duration::from_millis(2), "{drift:?}");
    }

    #[tokio::test]
    async fn bytes_that_are_no_envelope_are_dropped() {
        let envelopes = Envelopes::new(Instant::now());
        for bytes in [&b""[..], b"\x05", b"\xff\xff\xff\xff\xff\xff", b"\x01a\x07\x00\x00"] {
            assert!(envelopes.open(&Bytes::from_static(bytes)).is_none(), "{bytes:?}");
        }
    }
}
