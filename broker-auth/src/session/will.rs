//! The last will: what is published for a client that went without a word (MQTT 5 §3.1.2.5).

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Message, Origin};
use crate::packet::{LastWill, PublishProperties};
use crate::policy::Permit;
use crate::reason::Refusal;

use super::hub::Hub;

/// A will whose topic the permit allows.
#[derive(Clone, Debug)]
pub(super) struct Will {
    message: Message,
    expiry: Option<Duration>,
    delay: Duration,
}

impl Will {
    /// Checks a will like the publish it may become.
    pub(super) fn accept(will: LastWill, permit: &Permit, origin: Origin) -> Result<Self, Refusal> {
        permit.publish(&will.topic)?;
        let properties = PublishProperties {
            correlation_data: will.correlation_data,
            content_type: will.content_type,
            user_properties: will.user_properties,
            is_utf8_payload: will.is_utf8_payload.unwrap_or(false),
            response_topic: will.response_topic,
            ..PublishProperties::default()
        };
        Ok(Self {
            message: Message {
                topic: will.topic,
                payload: will.message,
                qos: will.qos,
                retain: will.retain,
                origin,
                kept: 0,
                expires_at: None,
                properties: (properties != PublishProperties::default()).then(|| Box::new(properties)),
            },
            expiry: will.message_expiry_interval.map(|seconds| Duration::from_secs(u64::from(seconds.get()))),
            delay: Duration::from_secs(u64::from(will.will_delay_interval_sec.unwrap_or(0))),
        })
    }

    /// How long a client may be gone before its will is published.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Publishes the will.
    pub(super) async fn publish(self, hub: &Hub) {
        let mut message = self.message;
        message.expires_at = self.expiry.and_then(|expiry| Instant::now().checked_add(expiry));
        if message.retain && hub.retained.keep(&mut message).is_err() {
            hub.counters.retained_refused.one();
        }
        hub.counters.published.one();
        if hub.engine.publish(message).await.is_err() {
            tracing::error!("a last will could not be published: the engine has stopped");
        }
    }
}
