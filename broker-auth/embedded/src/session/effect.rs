//! What a session's state asks its task to do.

use std::num::{NonZeroU16, NonZeroU32};

use authenticator::policy::TopicFilter;
use mqtt::{Packet, QoS, SubscribeAckReason, SubscriptionOptions};

use super::end::SessionEnd;
use crate::engine::Message;

/// What is to be done about a packet.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Nothing.
    None,
    /// Send this.
    Reply(Packet),
    /// Ask the engine for room for a message, and then go on with [`super::state::SessionState::publish`].
    Publish(PendingPublish),
    /// Subscribe to the filters, one by one, and go on with [`super::state::SessionState::subscribe`].
    Subscribe(PendingSubscribe),
    /// Send this, and have the engine forget these filters.
    Unsubscribe {
        /// UNSUBACK.
        reply: Packet,
        /// What the client was subscribed to.
        filters: Vec<TopicFilter<'static>>,
    },
    /// End the connection.
    End(SessionEnd),
}

/// A PUBLISH that is allowed, and not yet published.
#[derive(Debug)]
pub(crate) struct PendingPublish {
    pub(super) message: Message,
    pub(super) acknowledgement: Acknowledgement,
}

impl PendingPublish {
    /// What the message weighs against the engine's limit, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.message.weight()
    }
}

/// How a PUBLISH is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Acknowledgement {
    pub(super) qos: QoS,
    pub(super) packet_id: Option<NonZeroU16>,
}

/// A SUBSCRIBE whose filters are granted one after the other.
#[derive(Debug)]
pub(crate) struct PendingSubscribe {
    pub(super) packet_id: NonZeroU16,
    /// The Subscription Identifier.
    pub(super) id: Option<NonZeroU32>,
    /// The filters as the client has them, the next one last.
    pub(super) remaining: Vec<(mqtt::Text, SubscriptionOptions)>,
    pub(super) status: Vec<SubscribeAckReason>,
    /// The client's own subscriptions that were granted, and which are new: they get retained messages.
    pub(super) granted: Vec<(TopicFilter<'static>, SubscriptionOptions, bool)>,
}

/// The next step of a SUBSCRIBE.
#[derive(Debug)]
pub(crate) enum SubscribeStep {
    /// Have the engine subscribe to this filter, and say what became of it.
    Listen { filter: TopicFilter<'static>, options: SubscriptionOptions },
    /// All filters are dealt with: send this.
    Done(Packet),
    /// End the connection.
    End(SessionEnd),
}
