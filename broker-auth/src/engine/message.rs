//! [`Message`]: a published message on its way from one session to others.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::packet::{PublishProperties, QoS, Text};

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
    /// When it stops being worth delivering (MQTT 5 §3.3.2.3.3).
    pub(crate) expires_at: Option<Instant>,
    /// What MQTT 5 requires to be passed on unaltered; `None` if there is nothing of the kind.
    pub(crate) properties: Option<Box<PublishProperties>>,
}

impl Message {
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
            properties.user_properties.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>()
                + properties.correlation_data.as_ref().map_or(0, Bytes::len)
                + text(&properties.content_type)
                + text(&properties.response_topic)
        });
        OVERHEAD + self.topic.len() + self.payload.len() + properties
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
