//! SUBSCRIBE and UNSUBSCRIBE from the client.

use std::num::NonZeroU32;

use tokio::time::Instant;

use super::bounds::check_topic;
use super::end::End;
use super::life::Session;
use super::online::reply;
use super::outbox::{Delivery, OutboxLimits};
use super::shared::NoGroup;
use crate::engine::{BusFilter, EngineError};
use authenticator::policy::TopicFilter;
use authenticator::record::{Event, Record};
use mqtt::Connection;
use mqtt::{
    DisconnectReasonCode, Packet, QoS, RetainHandling, Subscribe, SubscribeAck, SubscribeAckReason,
    SubscriptionOptions, Unsubscribe, UnsubscribeAck, UnsubscribeAckReason,
};

/// What was granted.
enum Granted {
    /// A subscription of the client's own. A new one gets retained messages.
    Own { filter: TopicFilter<'static>, is_new: bool },
    /// A place in a group.
    Shared,
}

impl Session {
    pub(super) async fn subscribe(
        &mut self,
        connection: &mut Connection,
        subscribe: Subscribe,
    ) -> Result<(), End> {
        if subscribe.topic_filters.len() > self.limits.max_subscriptions {
            self.hub.counters.subscriptions_limited.one();
            let what = format!("SUBSCRIBE for more than {} filters", self.limits.max_subscriptions);
            return Err(End::protocol(DisconnectReasonCode::QuotaExceeded, what));
        }
        let mut status = Vec::with_capacity(subscribe.topic_filters.len());
        let mut granted = Vec::new();
        for (filter, options) in &subscribe.topic_filters {
            match self.grant(filter, *options, subscribe.id).await? {
                Ok(grant) => {
                    status.push(match options.qos {
                        QoS::AtMostOnce => SubscribeAckReason::GrantedQos0,
                        QoS::AtLeastOnce => SubscribeAckReason::GrantedQos1,
                        QoS::ExactlyOnce => SubscribeAckReason::GrantedQos2,
                    });
                    if let Granted::Own { filter, is_new } = grant {
                        granted.push((filter, *options, is_new));
                    }
                }
                Err(reason) => status.push(reason),
            }
        }
        let ack = SubscribeAck {
            packet_id: subscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        };
        reply(connection, Packet::SubscribeAck(ack))?;
        for (filter, options, is_new) in granted {
            if match options.retain_handling {
                RetainHandling::AtSubscribe => true,
                RetainHandling::AtSubscribeNew => is_new,
                RetainHandling::NoAtSubscribe => false,
            } {
                self.send_retained(&filter, options, subscribe.id, is_new);
            }
        }
        self.note_sizes();
        Ok(())
    }

    /// Grants one filter, or says why not.
    async fn grant(
        &mut self,
        text: &str,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> Result<Result<Granted, SubscribeAckReason>, End> {
        let Ok(filter) = TopicFilter::new(text) else {
            return Ok(Err(SubscribeAckReason::TopicFilterInvalid));
        };
        // The name of a group is as long as the rest allows, and no level.
        let shared = filter.shared();
        let levels = shared.as_ref().map_or(text, |shared| shared.filter.as_str());
        if text.len() > self.limits.max_topic_length || check_topic(levels, &self.limits).is_err() {
            self.hub.counters.topics_limited.one();
            return Ok(Err(SubscribeAckReason::TopicFilterInvalid));
        }
        if let Err(refusal) = self.permit.subscribe(text) {
            self.hub.counters.subscriptions_denied.one();
            if self.denied_subscriptions.sample().is_some() {
                self.hub.audit.write(&self.subscribe_record(text).refused(&refusal));
            }
            return Ok(Err(SubscribeAckReason::NotAuthorized));
        }
        let full = self.subscriptions.len() + self.memberships.len() >= self.limits.max_subscriptions;
        let present = self.subscriptions.contains(&filter) || self.memberships.contains(&filter);
        if full && !present {
            self.hub.counters.subscriptions_limited.one();
            return Ok(Err(SubscribeAckReason::QuotaExceeded));
        }
        if filter.shared().is_some() {
            return self.grant_shared(filter.into_owned(), options, id);
        }
        let bus = BusFilter::of(filter.as_str());
        if let Err(error) = self.listen(&bus).await {
            tracing::error!(client_id = self.client_id.as_str(), %error, "a subscription failed");
            return match error {
                EngineError::Refused(_) => Ok(Err(SubscribeAckReason::QuotaExceeded)),
                error => Err(End::engine(&error)),
            };
        }
        self.hub.audit.write(&self.subscribe_record(text));
        let filter = filter.into_owned();
        let is_new = self.subscriptions.insert(filter.clone(), options, id);
        Ok(Ok(Granted::Own { filter, is_new }))
    }

    /// Joins a group. What it has missed, retained messages included, is not for it (MQTT 5 §4.8.2).
    fn grant_shared(
        &mut self,
        filter: TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> Result<Result<Granted, SubscribeAckReason>, End> {
        if options.no_local {
            let what = "No Local on a shared subscription";
            return Err(End::protocol(DisconnectReasonCode::ProtocolError, what));
        }
        let limits =
            OutboxLimits { messages: self.limits.max_queued_messages, bytes: self.limits.max_queued_bytes };
        match self.memberships.join(&filter, options, id, limits) {
            Ok(()) => {
                self.hub.audit.write(&self.subscribe_record(filter.as_str()));
                Ok(Ok(Granted::Shared))
            }
            Err(NoGroup::Full) => Ok(Err(SubscribeAckReason::QuotaExceeded)),
            Err(NoGroup::NotShared) => Ok(Err(SubscribeAckReason::TopicFilterInvalid)),
        }
    }

    fn subscribe_record<'a>(&'a self, filter: &'a str) -> Record<'a> {
        Record::new(Event::Subscribe).permit(&self.permit).client_id(self.client_id.as_str()).topic(filter)
    }

    async fn listen(&mut self, bus: &BusFilter) -> Result<(), EngineError> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(self.hub.engine.attach().await?),
        };
        link.subscribe(bus).await
    }

    /// Queues the retained messages of a subscription. One that is repeated may have messages under way that are its
    /// due in any case; only a new one does without those it gets here.
    fn send_retained(
        &mut self,
        filter: &TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
        is_new: bool,
    ) {
        let (messages, kept) = self.hub.retained.matching(filter, Instant::now());
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

    pub(super) fn unsubscribe(
        &mut self,
        connection: &mut Connection,
        unsubscribe: Unsubscribe,
    ) -> Result<(), End> {
        let mut unused = Vec::new();
        let status = unsubscribe
            .topic_filters
            .iter()
            .map(|text| match TopicFilter::new(text) {
                Err(_) => UnsubscribeAckReason::TopicFilterInvalid,
                Ok(filter) if filter.shared().is_some() && self.memberships.leave(&filter) => {
                    UnsubscribeAckReason::Success
                }
                Ok(filter) => match self.subscriptions.remove(&filter) {
                    None => UnsubscribeAckReason::NoSubscriptionExisted,
                    Some(bus) => {
                        unused.extend(bus);
                        UnsubscribeAckReason::Success
                    }
                },
            })
            .collect();
        if let Some(link) = &mut self.link {
            link.unsubscribe(unused);
        }
        self.note_sizes();
        let ack = UnsubscribeAck {
            packet_id: unsubscribe.packet_id,
            properties: Vec::new(),
            reason_string: None,
            status,
        };
        reply(connection, Packet::UnsubscribeAck(ack))
    }
}
