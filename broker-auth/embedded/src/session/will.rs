//! The last will: what is published for a client that went without a word (MQTT 5 §3.1.2.5).

use std::time::Duration;

use tokio::time::Instant;

use super::hub::Hub;
use super::retained::Sizes;
use crate::engine::{EngineError, Message, Origin};
use authenticator::identity::Identity;
use authenticator::policy::Permit;
use authenticator::reason::Refusal;
use mqtt::{LastWill, PublishProperties};

/// How often an engine that is behind is asked for room, five seconds each time: when many clients vanish at once, so do
/// many wills come.
const ATTEMPTS: usize = 6;

/// A will whose topic the permit allows.
#[derive(Clone, Debug)]
pub(super) struct Will {
    message: Message,
    expiry: Option<Duration>,
    delay: Duration,
    owner: Identity,
    /// How much the owner may have retained.
    share: Sizes,
}

/// The message a will may become.
pub(super) fn message_of(will: &LastWill) -> Message {
    let properties = PublishProperties {
        correlation_data: will.correlation_data.clone(),
        content_type: will.content_type.clone(),
        user_properties: will.user_properties.clone(),
        is_utf8_payload: will.is_utf8_payload.unwrap_or(false),
        response_topic: will.response_topic.clone(),
        ..PublishProperties::default()
    };
    Message {
        topic: will.topic.clone(),
        payload: will.message.clone(),
        qos: will.qos,
        retain: will.retain,
        origin: Origin(0),
        kept: 0,
        expires_at: None,
        properties: (properties != PublishProperties::default()).then(|| Box::new(properties)),
    }
}

impl Will {
    /// Checks a will like the publish it may become.
    pub(super) fn accept(
        will: &LastWill,
        permit: &Permit,
        origin: Origin,
        share: Sizes,
    ) -> Result<Self, Refusal> {
        permit.publish(&will.topic)?;
        Ok(Self {
            // It may be kept for days, and its CONNECT must not be.
            message: Message { origin, ..message_of(will).detached() },
            expiry: will.message_expiry_interval.map(|seconds| Duration::from_secs(u64::from(seconds.get()))),
            delay: Duration::from_secs(u64::from(will.will_delay_interval_sec.unwrap_or(0))),
            owner: permit.identity().clone(),
            share,
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
        let mut attempts = 0;
        let room = loop {
            attempts += 1;
            match hub.engine.room(message.weight()).await {
                Ok(room) => break room,
                Err(EngineError::Busy) if attempts < ATTEMPTS => {}
                Err(error) => {
                    let (identity, topic) = (self.owner.as_str(), &*message.topic);
                    tracing::error!(%error, identity, topic, "a last will could not be published");
                    return;
                }
            }
        };
        if message.retain
            && let Err(full) = hub.retained.keep(&mut message, &self.owner, self.share)
        {
            hub.not_retained(full, &self.owner, &message.topic);
        }
        hub.publish(room, message);
    }
}
