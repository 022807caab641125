//! PUBLISH from the client: authorised, kept if it is retained, handed to the engine, acknowledged.

use std::time::Duration;

use authenticator::policy::{DeniedPublish, TopicName};
use authenticator::reason::Refusal;
use authenticator::record::{Event, Record};
use mqtt::{
    DisconnectReasonCode, Packet, Publish, PublishAck, PublishAckReason, PublishProperties, QoS, Text,
    Version,
};
use tokio::time::Instant;

use super::SessionState;
use crate::engine::Message;
use crate::session::bounds::check_topic;
use crate::session::effect::{Acknowledgement, Effect, PendingPublish};
use crate::session::end::SessionEnd;
use crate::session::inbox::Arrival;
use crate::session::retained::Sizes;
use crate::session::topic_aliases::NoTopic;

impl SessionState {
    pub(super) fn receive_publish(&mut self, mut publish: Publish, now: Instant) -> Effect {
        publish.topic = match self.resolve_topic(&publish) {
            Ok(topic) => topic,
            Err(end) => return Effect::End(end),
        };
        let acknowledgement = Acknowledgement { qos: publish.qos, packet_id: publish.packet_id };
        let receive_max = self.connection.as_ref().map_or(0, |connection| connection.receive_max);
        let arrival = match (publish.qos, publish.packet_id) {
            (QoS::ExactlyOnce, Some(id)) => self.inbox.judge(id, receive_max),
            _ => Arrival::First,
        };
        match arrival {
            Arrival::First => {}
            Arrival::Repeated => return acknowledge(acknowledgement, PublishAckReason::Success),
            Arrival::TooMany => {
                self.shared.counters.inflight_limited.one();
                let what = "more unreleased QoS 2 messages than Receive Maximum allows";
                return end(DisconnectReasonCode::ReceiveMaximumExceeded, what);
            }
        }
        if publish.properties.as_ref().is_some_and(|properties| !properties.subscription_ids.is_empty()) {
            let what = "PUBLISH with a Subscription Identifier, which only a server sends";
            return end(DisconnectReasonCode::ProtocolError, what);
        }
        if let Err(error) = TopicName::new(&publish.topic) {
            return end(DisconnectReasonCode::TopicNameInvalid, error.to_string());
        }
        let permitted = if publish.retain {
            self.permit.publish_retained(&publish.topic)
        } else {
            self.permit.publish(&publish.topic)
        };
        if let Err(refusal) = permitted {
            return self.deny_publish(&publish, acknowledgement, refusal);
        }
        Effect::Publish(PendingPublish { message: self.message_of(&publish, now), acknowledgement })
    }

    /// Goes on with a PUBLISH for which the engine has room. Returns the message for the engine, if it is to be published,
    /// and the acknowledgement.
    ///
    /// Nothing waits between the two, so whatever ends the session finds all of it done, or nothing.
    pub(crate) fn publish(&mut self, pending: PendingPublish, now: Instant) -> (Option<Message>, Effect) {
        let PendingPublish { mut message, acknowledgement } = pending;
        if message.retain
            && let Err(full) = self.shared.retained.keep(
                &mut message,
                self.permit.identity(),
                Sizes::share(&self.limits),
                now,
            )
        {
            self.shared.not_retained(full, self.permit.identity(), &message.topic);
            if self.version() == Version::V5 && acknowledgement.qos != QoS::AtMostOnce {
                return (None, acknowledge(acknowledgement, PublishAckReason::QuotaExceeded));
            }
            // A client that cannot be told of it does not lose the message for the present subscribers.
        }
        if let (QoS::ExactlyOnce, Some(id)) = (acknowledgement.qos, acknowledgement.packet_id) {
            self.inbox.accept(id);
        }
        (Some(message), acknowledge(acknowledgement, PublishAckReason::Success))
    }

    /// The message a PUBLISH carries.
    fn message_of(&self, publish: &Publish, now: Instant) -> Message {
        let properties = publish.properties.as_ref();
        let expiry = properties.and_then(|properties| properties.message_expiry_interval);
        let passed_on = properties.map(|properties| PublishProperties {
            topic_alias: None,
            message_expiry_interval: None,
            subscription_ids: Vec::new(),
            ..properties.clone()
        });
        Message {
            topic: publish.topic.clone(),
            payload: publish.payload.clone(),
            qos: publish.qos,
            retain: publish.retain,
            origin: self.origin,
            kept: 0,
            expires_at: expiry
                .and_then(|seconds| now.checked_add(Duration::from_secs(u64::from(seconds.get())))),
            properties: passed_on
                .filter(|properties| *properties != PublishProperties::default())
                .map(Box::new),
        }
    }

    fn resolve_topic(&mut self, publish: &Publish) -> Result<Text, SessionEnd> {
        if let Err(too_long) = check_topic(&publish.topic, &self.limits) {
            self.shared.counters.topics_limited.one();
            let what = too_long.to_string();
            return Err(SessionEnd::protocol(DisconnectReasonCode::TopicNameInvalid, what));
        }
        let resolved = match &mut self.connection {
            Some(connection) => connection.aliases.resolve(publish),
            None => Err(NoTopic::Missing),
        };
        resolved.map_err(|missing| match missing {
            NoTopic::Missing => {
                SessionEnd::protocol(DisconnectReasonCode::ProtocolError, "PUBLISH without a topic")
            }
            NoTopic::OverLimit { alias, limit } => {
                self.shared.counters.topic_aliases_limited.one();
                let what = format!("topic alias {alias} is over the limit of {limit}");
                SessionEnd::protocol(DisconnectReasonCode::TopicAliasInvalid, what)
            }
            NoTopic::Unset { alias } => {
                let what = format!("topic alias {alias} was never set");
                SessionEnd::protocol(DisconnectReasonCode::ProtocolError, what)
            }
        })
    }

    /// A publish the permit does not allow. MQTT 5 has a negative acknowledgement for QoS 1 and 2; for the rest the
    /// policy says what happens.
    fn deny_publish(
        &mut self,
        publish: &Publish,
        acknowledgement: Acknowledgement,
        refusal: Refusal,
    ) -> Effect {
        self.shared.counters.publishes_denied.one();
        if self.denied.sample().is_some() {
            self.shared.audit.write(
                &Record::new(Event::Publish)
                    .permit(&self.permit)
                    .client_id(self.client_id.as_str())
                    .topic(&publish.topic)
                    .refused(&refusal),
            );
        }
        match (self.version(), publish.qos, self.permit.denied_publish()) {
            (Version::V5, QoS::AtMostOnce, _) => Effect::None,
            (Version::V5, _, _) => acknowledge(acknowledgement, PublishAckReason::NotAuthorized),
            (Version::V3, _, DeniedPublish::Disconnect) => Effect::End(SessionEnd::Refused(refusal)),
            (Version::V3, _, DeniedPublish::Drop) => acknowledge(acknowledgement, PublishAckReason::Success),
        }
    }
}

fn end(code: DisconnectReasonCode, what: impl Into<String>) -> Effect {
    Effect::End(SessionEnd::protocol(code, what))
}

/// PUBACK, PUBREC, or nothing for QoS 0.
fn acknowledge(acknowledgement: Acknowledgement, reason_code: PublishAckReason) -> Effect {
    let Some(packet_id) = acknowledgement.packet_id else { return Effect::None };
    let ack = PublishAck { packet_id, reason_code, ..PublishAck::default() };
    match acknowledgement.qos {
        QoS::AtMostOnce => Effect::None,
        QoS::AtLeastOnce => Effect::Reply(Packet::PublishAck(ack)),
        QoS::ExactlyOnce => Effect::Reply(Packet::PublishReceived(ack)),
    }
}
