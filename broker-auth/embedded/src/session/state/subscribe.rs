//! SUBSCRIBE and UNSUBSCRIBE from the client.

use std::num::NonZeroU32;

use authenticator::policy::TopicFilter;
use authenticator::record::{Event, Record};
use mqtt::{
    DisconnectReasonCode, Packet, QoS, RetainHandling, Subscribe, SubscribeAck, SubscribeAckReason,
    SubscriptionOptions, Unsubscribe, UnsubscribeAck, UnsubscribeAckReason,
};
use tokio::time::Instant;

use super::SessionState;
use crate::engine::EngineError;
use crate::session::bounds::check_topic;
use crate::session::effect::{Effect, PendingSubscribe, SubscribeStep};
use crate::session::end::SessionEnd;
use crate::session::outbox::Delivery;
use crate::session::queue_limits::QueueLimits;
use crate::session::shared::NoGroup;

/// What one filter of a SUBSCRIBE is granted.
enum Grant {
    /// A subscription of the client's own, once the engine has it.
    Own(TopicFilter<'static>),
    /// A place in a group.
    Shared,
    /// Nothing.
    Refused(SubscribeAckReason),
}

impl SessionState {
    pub(super) fn receive_subscribe(&mut self, subscribe: Subscribe) -> Effect {
        if subscribe.topic_filters.len() > self.limits.max_subscriptions {
            self.shared.counters.subscriptions_limited.one();
            let what = format!("SUBSCRIBE for more than {} filters", self.limits.max_subscriptions);
            return Effect::End(SessionEnd::protocol(DisconnectReasonCode::QuotaExceeded, what));
        }
        let mut remaining = subscribe.topic_filters;
        remaining.reverse();
        Effect::Subscribe(PendingSubscribe {
            packet_id: subscribe.packet_id,
            id: subscribe.id,
            status: Vec::with_capacity(remaining.len()),
            remaining,
            granted: Vec::new(),
        })
    }

    /// The next step of a SUBSCRIBE: a filter for the engine, or SUBACK when all are dealt with.
    pub(crate) fn subscribe(&mut self, pending: &mut PendingSubscribe, now: Instant) -> SubscribeStep {
        while let Some((text, options)) = pending.remaining.pop() {
            match self.grant(&text, options, pending.id) {
                Ok(Grant::Own(filter)) => return SubscribeStep::Listen { filter, options },
                Ok(Grant::Shared) => pending.status.push(granted(options.qos)),
                Ok(Grant::Refused(reason)) => pending.status.push(reason),
                Err(end) => return SubscribeStep::End(end),
            }
        }
        for (filter, options, is_new) in std::mem::take(&mut pending.granted) {
            let wants_retained = match options.retain_handling {
                RetainHandling::AtSubscribe => true,
                RetainHandling::AtSubscribeNew => is_new,
                RetainHandling::NoAtSubscribe => false,
            };
            if wants_retained {
                self.send_retained(&filter, options, pending.id, is_new, now);
            }
        }
        self.note_sizes();
        SubscribeStep::Done(Packet::SubscribeAck(SubscribeAck {
            packet_id: pending.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status: std::mem::take(&mut pending.status),
        }))
    }

    /// What became of the filter that [`Self::subscribe`] gave to the engine.
    ///
    /// # Errors
    /// The engine has failed, and the connection must end.
    pub(crate) fn subscribed(
        &mut self,
        pending: &mut PendingSubscribe,
        filter: TopicFilter<'static>,
        options: SubscriptionOptions,
        outcome: Result<(), EngineError>,
    ) -> Result<(), SessionEnd> {
        if let Err(error) = outcome {
            tracing::error!(client_id = self.client_id.as_str(), %error, "a subscription failed");
            return match error {
                EngineError::Refused(_) => {
                    pending.status.push(SubscribeAckReason::QuotaExceeded);
                    Ok(())
                }
                error => Err(SessionEnd::engine(&error)),
            };
        }
        self.shared.audit.write(&self.subscribe_record(filter.as_str()));
        let is_new = self.subscriptions.insert(filter.clone(), options, pending.id);
        pending.status.push(granted(options.qos));
        pending.granted.push((filter, options, is_new));
        Ok(())
    }

    /// Decides about one filter.
    fn grant(
        &mut self,
        text: &str,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> Result<Grant, SessionEnd> {
        let Ok(filter) = TopicFilter::new(text) else {
            return Ok(Grant::Refused(SubscribeAckReason::TopicFilterInvalid));
        };
        // The name of a group is as long as the rest allows, and no level.
        let shared = filter.shared();
        let levels = shared.as_ref().map_or(text, |shared| shared.filter.as_str());
        if text.len() > self.limits.max_topic_length || check_topic(levels, &self.limits).is_err() {
            self.shared.counters.topics_limited.one();
            return Ok(Grant::Refused(SubscribeAckReason::TopicFilterInvalid));
        }
        if let Err(refusal) = self.permit.subscribe(text) {
            self.shared.counters.subscriptions_denied.one();
            if self.denied_subscriptions.sample().is_some() {
                self.shared.audit.write(&self.subscribe_record(text).refused(&refusal));
            }
            return Ok(Grant::Refused(SubscribeAckReason::NotAuthorized));
        }
        let is_shared = shared.is_some();
        let filter = filter.into_owned();
        let full = self.subscriptions.len() + self.memberships.len() >= self.limits.max_subscriptions;
        let present = self.subscriptions.contains(&filter) || self.memberships.contains(&filter);
        if full && !present {
            self.shared.counters.subscriptions_limited.one();
            return Ok(Grant::Refused(SubscribeAckReason::QuotaExceeded));
        }
        if is_shared { self.join_group(&filter, options, id) } else { Ok(Grant::Own(filter)) }
    }

    /// Joins a group. What it has missed, retained messages included, is not for it (MQTT 5 §4.8.2).
    fn join_group(
        &mut self,
        filter: &TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> Result<Grant, SessionEnd> {
        if options.no_local {
            let what = "No Local on a shared subscription";
            return Err(SessionEnd::protocol(DisconnectReasonCode::ProtocolError, what));
        }
        let limits =
            QueueLimits { messages: self.limits.max_queued_messages, bytes: self.limits.max_queued_bytes };
        match self.memberships.join(filter, options, id, limits) {
            Ok(()) => {
                self.shared.audit.write(&self.subscribe_record(filter.as_str()));
                Ok(Grant::Shared)
            }
            Err(NoGroup::Full) => Ok(Grant::Refused(SubscribeAckReason::QuotaExceeded)),
            Err(NoGroup::NotShared) => Ok(Grant::Refused(SubscribeAckReason::TopicFilterInvalid)),
        }
    }

    fn subscribe_record<'a>(&'a self, filter: &'a str) -> Record<'a> {
        Record::new(Event::Subscribe).permit(&self.permit).client_id(self.client_id.as_str()).topic(filter)
    }

    /// Queues the retained messages of a subscription. One that is repeated may have messages under way that are its
    /// due in any case; only a new one does without those it gets here.
    fn send_retained(
        &mut self,
        filter: &TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
        is_new: bool,
        now: Instant,
    ) {
        let (messages, kept) = self.shared.retained.matching(filter, now);
        if is_new {
            self.subscriptions.got_retained(filter, kept);
        }
        for message in messages {
            if !self.permit.deliver(&message.topic) || (options.no_local && message.origin == self.origin) {
                continue;
            }
            self.enqueue(Delivery {
                qos: options.qos.less_value(message.qos),
                retain: true,
                subscription_ids: id.into_iter().collect(),
                group: None,
                message,
            });
        }
    }

    pub(super) fn receive_unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Effect {
        let mut filters = Vec::new();
        let mut status = Vec::with_capacity(unsubscribe.topic_filters.len());
        for text in &unsubscribe.topic_filters {
            status.push(match TopicFilter::new(text).map(TopicFilter::into_owned) {
                Err(_) => UnsubscribeAckReason::TopicFilterInvalid,
                Ok(filter) if filter.shared().is_some() && self.memberships.leave(&filter) => {
                    UnsubscribeAckReason::Success
                }
                Ok(filter) if self.subscriptions.remove(&filter) => {
                    filters.push(filter);
                    UnsubscribeAckReason::Success
                }
                Ok(_) => UnsubscribeAckReason::NoSubscriptionExisted,
            });
        }
        self.note_sizes();
        let reply = Packet::UnsubscribeAck(UnsubscribeAck {
            packet_id: unsubscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        });
        Effect::Unsubscribe { reply, filters }
    }
}

fn granted(qos: QoS) -> SubscribeAckReason {
    match qos {
        QoS::AtMostOnce => SubscribeAckReason::GrantedQos0,
        QoS::AtLeastOnce => SubscribeAckReason::GrantedQos1,
        QoS::ExactlyOnce => SubscribeAckReason::GrantedQos2,
    }
}
