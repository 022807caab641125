//! The last will: what is published for a client that is gone without DISCONNECT (MQTT 5 §3.1.2.5).

use std::time::Duration;

use tokio::time::Instant;

use super::retained::Sizes;
use super::shared_state::SharedState;
use crate::engine::{Message, Origin};
use authenticator::identity::Identity;
use authenticator::policy::Permit;
use authenticator::reason::Refusal;
use mqtt::{LastWill, PublishProperties};

/// A will whose topic the permit allows.
#[derive(Clone, Debug)]
pub(crate) struct Will {
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

    /// The identity that it is of.
    pub(super) fn owner(&self) -> &Identity {
        &self.owner
    }

    /// Its topic.
    pub(super) fn topic(&self) -> &str {
        &self.message.topic
    }

    /// What the message weighs against the engine's limit, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.message.weight()
    }

    /// The message to publish at `now`, kept if it is to be retained.
    pub(crate) fn message(self, shared: &SharedState, now: Instant) -> Message {
        let mut message = self.message;
        message.expires_at = self.expiry.and_then(|expiry| now.checked_add(expiry));
        if message.retain
            && let Err(full) = shared.retained.keep(&mut message, &self.owner, self.share, now)
        {
            shared.not_retained(full, &self.owner, &message.topic);
        }
        message
    }
}
