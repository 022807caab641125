//! [`Message`]: a published message on its way from one session to others.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use mqtt::{PublishProperties, QoS, Text};

/// Which session published a message, for subscriptions that do not want their own (MQTT 5 §3.8.3.1, No Local).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin(pub(crate) u64);

/// A message that was accepted from a client and may be delivered to others.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) topic: Text,
    pub(crate) payload: Bytes,
    /// As published; a delivery never has a higher one.
    pub(crate) qos: QoS,
    /// As published.
    pub(crate) retain: bool,
    pub(crate) origin: Origin,
    /// Its place in the order in which retained messages were kept, from 1; 0 if it was not kept.
    pub(crate) kept: u64,
    /// When it expires (MQTT 5 §3.3.2.3.3).
    pub(crate) expires_at: Option<Instant>,
    /// What MQTT 5 requires to be passed on unaltered; `None` if there is nothing of the kind.
    pub(crate) properties: Option<Box<PublishProperties>>,
}

impl Message {
    /// A message of the broker itself, delivered at least once.
    pub(crate) fn of_broker(topic: &str, payload: impl Into<Bytes>) -> Self {
        Self {
            topic: Text::from(topic.to_owned()),
            payload: payload.into(),
            qos: QoS::AtLeastOnce,
            retain: false,
            // No session has that one.
            origin: Origin(0),
            kept: 0,
            expires_at: None,
            properties: None,
        }
    }

    /// What is left of the message's life, in whole seconds, rounded up; `Err` if it is over.
    pub(crate) fn remaining(&self, now: Instant) -> Result<Option<Duration>, Expired> {
        match self.expires_at {
            None => Ok(None),
            Some(at) if at <= now => Err(Expired),
            Some(at) => Ok(Some(Duration::from_secs((at - now).as_millis().div_ceil(1000) as u64))),
        }
    }

    /// What the message weighs against a limit in bytes.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 64;
        let properties = self.properties.as_ref().map_or(0, |properties| {
            let text = |text: &Option<Text>| text.as_ref().map_or(0, |text| text.len());
            // On the wire an empty pair takes five bytes, so its own size counts for most.
            let pair = |(name, value): &(Text, Text)| size_of::<(Text, Text)>() + name.len() + value.len();
            size_of::<PublishProperties>()
                + properties.user_properties.iter().map(pair).sum::<usize>()
                + properties.correlation_data.as_ref().map_or(0, Bytes::len)
                + text(&properties.content_type)
                + text(&properties.response_topic)
        });
        OVERHEAD + self.topic.len() + self.payload.len() + properties
    }

    /// A copy that shares no memory with it: what keeps a message does not keep the buffer it was received in, which
    /// may be a hundred times as long.
    pub(crate) fn detached(&self) -> Self {
        let text = |text: &Text| Text::from(text.to_string());
        let bytes = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        let properties = self.properties.as_deref().map(|properties| {
            let pair = |(name, value): &(Text, Text)| (text(name), text(value));
            Box::new(PublishProperties {
                correlation_data: properties.correlation_data.as_ref().map(bytes),
                content_type: properties.content_type.as_ref().map(text),
                user_properties: properties.user_properties.iter().map(pair).collect(),
                response_topic: properties.response_topic.as_ref().map(text),
                ..properties.clone()
            })
        });
        Self { topic: text(&self.topic), payload: bytes(&self.payload), properties, ..self.clone() }
    }
}

/// The message's life is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expired;

/// Payloads may be personal; a log never shows one.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({}, {:?}, {} bytes)", self.topic, self.qos, self.payload.len())
    }
}

#[cfg(test)]
impl Message {
    /// A plain message, for tests: QoS 1, neither retained nor anybody's.
    pub(crate) fn specimen(topic: &str, payload: impl Into<Bytes>) -> Self {
        Self::of_broker(topic, payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received_in(buffer: &Bytes) -> Message {
        let text = |at: usize| Text::try_from(buffer.slice(at..=at)).unwrap();
        Message {
            topic: text(0),
            payload: buffer.slice(1..2),
            qos: QoS::AtMostOnce,
            retain: true,
            origin: Origin(1),
            kept: 0,
            expires_at: None,
            properties: Some(Box::new(PublishProperties {
                correlation_data: Some(buffer.slice(2..3)),
                content_type: Some(text(3)),
                user_properties: vec![(text(4), text(5))],
                response_topic: Some(text(6)),
                ..PublishProperties::default()
            })),
        }
    }

    #[test]
    fn a_detached_message_is_equal_and_keeps_no_receive_buffer() {
        let buffer = Bytes::from(vec![b'x'; 1_000]);
        let message = received_in(&buffer);
        let kept = message.detached();
        assert_eq!(
            (&kept.topic, &kept.payload, &kept.properties),
            (&message.topic, &message.payload, &message.properties)
        );
        assert!(!buffer.is_unique());
        drop(message);
        assert!(buffer.is_unique());
    }

    #[test]
    fn user_properties_weigh_their_memory() {
        let mut message = received_in(&Bytes::from(vec![b'x'; 10]));
        let before = message.weight();
        if let Some(properties) = &mut message.properties {
            properties.user_properties = vec![(Text::default(), Text::default()); 1_001];
        }
        assert!(message.weight() >= before + 1_000 * size_of::<(Text, Text)>() - 2);
    }
}
