//! PUBLISH from the client: authorised, kept if it is retained, handed to the engine, acknowledged.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::Instant;

use super::bounds::check_topic;
use super::end::End;
use super::inbox::Arrival;
use super::life::Session;
use super::online::{Talk, cut, receive, recheck, reply};
use super::retained::Sizes;
use crate::engine::{Message, Room};
use authenticator::policy::{DeniedPublish, TopicName};
use authenticator::reason::Refusal;
use authenticator::record::{Event, Record};
use mqtt::Connection;
use mqtt::{
    DisconnectReasonCode, Packet, Publish, PublishAck, PublishAckReason, PublishProperties, QoS, Text,
    Version,
};

impl Session {
    pub(super) async fn publish(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        mut publish: Publish,
    ) -> Result<(), End> {
        publish.topic = self.resolve_topic(talk, &publish)?;
        let arrival = match (publish.qos, publish.packet_id) {
            (QoS::ExactlyOnce, Some(id)) => self.inbox.judge(id, talk.terms.receive_max),
            _ => Arrival::First,
        };
        match arrival {
            Arrival::First => {}
            Arrival::Repeated => return acknowledge(connection, &publish, PublishAckReason::Success),
            Arrival::TooMany => {
                self.hub.counters.inflight_limited.one();
                let what = "more unreleased QoS 2 messages than Receive Maximum allows";
                return Err(End::protocol(DisconnectReasonCode::ReceiveMaximumExceeded, what));
            }
        }
        if publish.properties.as_ref().is_some_and(|properties| !properties.subscription_ids.is_empty()) {
            let what = "PUBLISH with a Subscription Identifier, which only a server sends";
            return Err(End::protocol(DisconnectReasonCode::ProtocolError, what));
        }
        if let Err(error) = TopicName::new(&publish.topic) {
            return Err(End::protocol(DisconnectReasonCode::TopicNameInvalid, error.to_string()));
        }
        if let Err(refusal) = self.permit.publish(&publish.topic) {
            return self.denied(connection, &publish, refusal);
        }

        let mut message = self.message(&publish);
        let room = self.room(connection, talk, message.weight()).await?;
        // Nothing waits from here to the acknowledgement, so whatever ends the session finds all of it done, or nothing.
        if message.retain
            && let Err(full) =
                self.hub.retained.keep(&mut message, self.permit.identity(), Sizes::share(&self.limits))
        {
            self.hub.not_retained(full, self.permit.identity(), &message.topic);
            if connection.version() == Version::V5 && publish.qos != QoS::AtMostOnce {
                return acknowledge(connection, &publish, PublishAckReason::QuotaExceeded);
            }
            // A client that cannot be told is not to lose the message with whoever listens now.
        }
        self.hub.publish(room, message);
        if let (QoS::ExactlyOnce, Some(id)) = (publish.qos, publish.packet_id) {
            self.inbox.accept(id);
        }
        acknowledge(connection, &publish, PublishAckReason::Success)
    }

    /// Room in the engine for a message that weighs so much. An engine that is behind makes clients wait; it does not
    /// keep one in that is to be cut off. What it waits for may be this session's own reading, so that goes on, and so does
    /// writing what was read.
    async fn room(
        &mut self,
        connection: &mut Connection,
        talk: &mut Talk,
        weight: usize,
    ) -> Result<Room, End> {
        let hub = Arc::clone(&self.hub);
        if let Some(room) = hub.engine.room_now(weight) {
            return Ok(room);
        }
        hub.counters.publishes_delayed.one();
        let mut room = Box::pin(hub.engine.room(weight));
        loop {
            self.fill(connection);
            tokio::select! {
                end = cut(
                    &mut self.commands,
                    &mut self.stopping,
                    &mut talk.trust_changed,
                    || recheck(&*self.recheck, &self.permit),
                ) => return Err(end),
                room = &mut room => return room.map_err(|error| End::engine(&error)),
                written = connection.writer.write_some(), if connection.writer.has_work() => {
                    written.map_err(End::NotReading)?;
                }
                received = receive(&mut self.link) => self.gather(received).await?,
                () = self.memberships.woken() => yield_now().await,
            }
        }
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

    /// The topic of a PUBLISH, which may be an alias for one the client has named before (MQTT 5 §3.3.2.3.4).
    fn resolve_topic(&self, talk: &mut Talk, publish: &Publish) -> Result<Text, End> {
        if let Err(too_long) = check_topic(&publish.topic, &self.limits) {
            self.hub.counters.topics_limited.one();
            return Err(End::protocol(DisconnectReasonCode::TopicNameInvalid, too_long.to_string()));
        }
        let Some(alias) = publish.properties.as_ref().and_then(|properties| properties.topic_alias) else {
            if publish.topic.is_empty() {
                let what = "PUBLISH without a topic";
                return Err(End::protocol(DisconnectReasonCode::ProtocolError, what));
            }
            return Ok(publish.topic.clone());
        };
        if alias.get() > talk.terms.topic_aliases {
            self.hub.counters.topic_aliases_limited.one();
            let what = format!("topic alias {alias} is over the limit of {}", talk.terms.topic_aliases);
            return Err(End::protocol(DisconnectReasonCode::TopicAliasInvalid, what));
        }
        if publish.topic.is_empty() {
            return talk.aliases.get(&alias).cloned().ok_or_else(|| {
                let what = format!("topic alias {alias} was never set");
                End::protocol(DisconnectReasonCode::ProtocolError, what)
            });
        }
        // Copied, so that the alias does not keep the buffer the packet came in.
        talk.aliases.insert(alias, Text::from(publish.topic.to_string()));
        Ok(publish.topic.clone())
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
        if self.denied.sample().is_some() {
            self.hub.audit.write(
                &Record::new(Event::Publish)
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
