//! PUBLISH from the client: authorised, kept if it is retained, handed to the engine, acknowledged.

use std::num::NonZeroU16;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::end::End;
use super::inbox::Arrival;
use super::life::Session;
use super::online::{Talk, reply};
use crate::audit::{self, Decision, Event};
use crate::engine::Message;
use crate::packet::{
    DisconnectReasonCode, Packet, Publish, PublishAck, PublishAckReason, PublishProperties, QoS, Text,
    Version,
};
use crate::policy::DeniedPublish;
use crate::reason::Refusal;

impl Session {
    pub(super) async fn publish(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        mut publish: Publish,
    ) -> Result<(), End> {
        publish.topic = resolve_topic(talk, &publish)?;
        let arrival = match (publish.qos, publish.packet_id) {
            (QoS::ExactlyOnce, Some(id)) => self.inbox.judge(id, talk.terms.receive_max),
            _ => Arrival::First,
        };
        match arrival {
            Arrival::First => {}
            Arrival::Repeated => return acknowledge(connection, &publish, PublishAckReason::Success),
            Arrival::TooMany => {
                let what = "more unreleased QoS 2 messages than Receive Maximum allows";
                return Err(End::protocol(DisconnectReasonCode::ReceiveMaximumExceeded, what));
            }
        }
        if publish.topic.split('/').count() > self.limits.max_topic_levels {
            let what = format!("a topic of more than {} levels", self.limits.max_topic_levels);
            return Err(End::protocol(DisconnectReasonCode::TopicNameInvalid, what));
        }
        if let Err(refusal) = self.permit.publish(&publish.topic) {
            return self.denied(connection, &publish, refusal);
        }

        let mut message = self.message(&publish);
        // A message that cannot be kept is still delivered to whoever listens now.
        if message.retain && self.hub.retained.keep(&mut message).is_err() {
            self.hub.counters.retained_refused.one();
        }
        self.hub.engine.publish(message).await.map_err(|error| End::engine(&error))?;
        self.hub.counters.published.one();
        if let (QoS::ExactlyOnce, Some(id)) = (publish.qos, publish.packet_id) {
            self.inbox.accept(id);
        }
        acknowledge(connection, &publish, PublishAckReason::Success)
    }

    /// The message a PUBLISH carries.
    fn message(&self, publish: &Publish) -> Message {
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
            expires_at: expiry.and_then(|seconds| {
                Instant::now().checked_add(Duration::from_secs(u64::from(seconds.get())))
            }),
            properties: passed_on
                .filter(|properties| *properties != PublishProperties::default())
                .map(Box::new),
        }
    }

    /// A publish the permit does not allow. MQTT 5 has a negative acknowledgement for QoS 1 and 2; for the rest the
    /// policy says what happens.
    fn denied(
        &mut self,
        connection: &mut Connection,
        publish: &Publish,
        refusal: Refusal,
    ) -> Result<(), End> {
        self.hub.counters.publishes_denied.one();
        self.denied += 1;
        if self.denied.is_power_of_two() {
            audit::decision(
                &Decision::new(Event::Publish)
                    .permit(&self.permit)
                    .client_id(self.client_id.as_str())
                    .topic(&publish.topic)
                    .refused(&refusal),
            );
        }
        match (connection.version(), publish.qos, self.permit.denied_publish()) {
            (Version::V5, QoS::AtMostOnce, _) => Ok(()),
            (Version::V5, _, _) => acknowledge(connection, publish, PublishAckReason::NotAuthorized),
            (Version::V3, _, DeniedPublish::Disconnect) => Err(End::Refused(refusal)),
            (Version::V3, _, DeniedPublish::Drop) => {
                acknowledge(connection, publish, PublishAckReason::Success)
            }
        }
    }
}

/// The topic of a PUBLISH, which may be an alias for one the client has named before (MQTT 5 §3.3.2.3.4).
fn resolve_topic(talk: &mut Talk, publish: &Publish) -> Result<Text, End> {
    let Some(alias) = publish.properties.as_ref().and_then(|properties| properties.topic_alias) else {
        if publish.topic.is_empty() {
            return Err(End::protocol(DisconnectReasonCode::ProtocolError, "PUBLISH without a topic"));
        }
        return Ok(publish.topic.clone());
    };
    if alias > NonZeroU16::new(super::connack::TOPIC_ALIASES).unwrap_or(NonZeroU16::MIN) {
        let what = format!("topic alias {alias} is over the limit of {}", super::connack::TOPIC_ALIASES);
        return Err(End::protocol(DisconnectReasonCode::TopicAliasInvalid, what));
    }
    if publish.topic.is_empty() {
        return talk.aliases.get(&alias).cloned().ok_or_else(|| {
            End::protocol(DisconnectReasonCode::ProtocolError, format!("topic alias {alias} was never set"))
        });
    }
    // Copied, so that the alias does not keep the buffer the packet came in.
    talk.aliases.insert(alias, Text::from(publish.topic.to_string()));
    Ok(publish.topic.clone())
}

/// PUBACK, PUBREC, or nothing for QoS 0.
fn acknowledge(
    connection: &mut Connection,
    publish: &Publish,
    reason_code: PublishAckReason,
) -> Result<(), End> {
    let Some(packet_id) = publish.packet_id else { return Ok(()) };
    let ack = PublishAck { packet_id, reason_code, ..PublishAck::default() };
    match publish.qos {
        QoS::AtMostOnce => Ok(()),
        QoS::AtLeastOnce => reply(connection, Packet::PublishAck(ack)),
        QoS::ExactlyOnce => reply(connection, Packet::PublishReceived(ack)),
    }
}
