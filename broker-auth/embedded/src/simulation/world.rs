//! [`play`]: one run.

mod endings;
mod subscriptions;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use authenticator::record::{Audit, Record};
use bytes::{Bytes, BytesMut};
use mqtt::{
    Connect, LastWill, Packet, Publish, PublishAck, PublishAck2, PublishAckReason, PublishProperties, QoS,
    ReadError, Text, Version,
};
use rustls_pki_types::UnixTime;
use tokio::time::Instant;

use super::choices::Choices;
use super::client::{Client, ModelWill, TOPICS, connect_through_wire, through_wire};
use super::model::Owed;
use crate::engine::{Message, Received};
use crate::limits::BrokerLimits;
use crate::session::{Connecting, ConnectionInfo, DrawTurn, Effect, SessionEnd, SharedState, Unsent};

const CLIENTS: usize = 4;

/// The longest packet that is read, in bytes.
const MAX_PACKET_SIZE: usize = 1_000_000;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// How long a session may outlive its connection, in seconds, if it does.
const EXPIRY: u32 = 60;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Packets from clients.
    pub from_clients: u64,
    /// Packets to clients.
    pub to_clients: u64,
}

struct NoAudit;

impl Audit for NoAudit {
    fn write(&self, _record: &Record<'_>) {}
}

struct World {
    shared: Arc<SharedState>,
    clients: Vec<Client>,
    now: Instant,
    /// The number of the last published message.
    number: u64,
    /// The number and QoS of what is retained.
    retained: BTreeMap<String, (u64, QoS)>,
    /// How often each message was sent to a member of the group for the first time.
    shared_deliveries: BTreeMap<u64, usize>,
    /// Sessions with a shared subscription that have ended with messages unacknowledged.
    given_back: usize,
    played: Played,
}

/// Plays `steps` steps, or as many as the choices are enough for.
///
/// # Panics
/// A client is not given what it is owed.
pub fn play(choices: Choices<'_>, steps: usize) -> Played {
    let mut choices = choices;
    let mut world = World::new();
    for _ in 0..steps {
        if world.step(&mut choices).is_none() {
            break;
        }
    }
    world.end();
    world.played
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(|| UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000)));
        let shared = Arc::new(SharedState::new(BrokerLimits::default(), clock, Arc::new(NoAudit)));
        let now = Instant::now();
        let clients = (0..CLIENTS).map(|number| Client::new(number, &shared, now)).collect();
        Self {
            shared,
            clients,
            now,
            number: 0,
            retained: BTreeMap::new(),
            shared_deliveries: BTreeMap::new(),
            given_back: 0,
            played: Played::default(),
        }
    }

    /// One step of one client. `None`: the choices are over.
    fn step(&mut self, choices: &mut Choices<'_>) -> Option<()> {
        let index = usize::try_from(choices.below(CLIENTS as u64)?).unwrap_or(0);
        if !self.clients[index].is_connected() {
            if choices.one_in(3)? {
                self.pass_time(Duration::from_secs(choices.below(40)?));
            } else {
                self.connect(index, choices)?;
            }
            return Some(());
        }
        match choices.below(17)? {
            0..=4 => self.publish(index, choices)?,
            5 => self.subscribe(index, choices)?,
            6 => self.unsubscribe(index, choices)?,
            7..=9 => self.acknowledge(index, choices)?,
            10 => self.release(index, choices)?,
            11 => self.publish_again(index, choices)?,
            12 => self.send(index, Packet::PingRequest, |effect| {
                assert!(matches!(effect, Effect::Reply(Packet::PingResponse)), "{effect:?}");
                None
            }),
            13 => self.lose_connection(index),
            14 => self.disconnect(index, choices.one_in(2)?),
            15 => self.violate(index, choices)?,
            _ => self.pass_time(Duration::from_secs(choices.below(5)?)),
        }
        Some(())
    }

    fn connect(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let clean_start = choices.one_in(4)?;
        let receive_max = choices.below(5)?;
        let will = match (self.clients[index].version, choices.one_in(3)?) {
            (Version::V5, true) => Some(u32::try_from(choices.below(2)?).unwrap_or(0) * 20),
            _ => None,
        };
        self.number += u64::from(will.is_some());
        let will_number = self.number;
        let client = &mut self.clients[index];
        let connect = Connect {
            clean_start,
            session_expiry_interval_secs: EXPIRY,
            client_id: Text::from(client.name.clone()),
            receive_max: u16::try_from(receive_max).ok().and_then(NonZeroU16::new),
            last_will: will.map(|delay| LastWill {
                qos: QoS::AtLeastOnce,
                retain: false,
                topic: Text::from_static("t/a"),
                message: Bytes::from(will_number.to_string()),
                will_delay_interval_sec: Some(delay),
                correlation_data: None,
                message_expiry_interval: None,
                content_type: None,
                user_properties: Vec::new(),
                is_utf8_payload: None,
                response_topic: None,
            }),
            ..Connect::default()
        };
        let (wire, connect) = connect_through_wire(client.version, connect);
        let is_present = !client.state.is_over() && !connect.clean_start;
        if !is_present {
            self.expire(index);
        }
        let client = &mut self.clients[index];
        let binding = authenticator::for_test::client_id(&client.permit, &client.name, "1");
        let connecting = Connecting {
            connect: &connect,
            binding: &binding,
            permit: client.permit.clone(),
            limits: Arc::clone(&client.limits),
            version: client.version,
            max_packet_size: MAX_PACKET_SIZE,
            info: ConnectionInfo {
                peer: PEER,
                protocol: "5",
                policy: "test".to_owned(),
                client: client.permit.client().clone(),
                decision_id: "1".to_owned(),
                connected_at: "now".to_owned(),
            },
        };
        let connack = client.state.connect(connecting, is_present, self.now).expect("the will is allowed");
        let Packet::ConnectAck(connack) = connack else { panic!("{connack:?}") };
        assert_eq!(connack.session_present, is_present, "{}", client.name);
        client.window = connect.receive_max.map_or(usize::MAX, |max| usize::from(max.get())).min(4);
        client.will = will.map(|delay_seconds| ModelWill { number: will_number, delay_seconds });
        client.wire = Some(wire);
        client.model.reconnected();
        self.played.from_clients += 1;
        self.deliver(index);
        Some(())
    }

    fn publish(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let topic = TOPICS[usize::try_from(choices.below(TOPICS.len() as u64)?).unwrap_or(0)];
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]
            [usize::try_from(choices.below(3)?).unwrap_or(0)];
        let retain = choices.one_in(4)?;
        let client = &mut self.clients[index];
        // As many as the broker lets an MQTT 5 client have unreleased.
        if qos == QoS::ExactlyOnce && client.model.unreleased.len() >= 4 {
            return Some(());
        }
        self.number += 1;
        let (number, version) = (self.number, client.version);
        let packet_id = (qos != QoS::AtMostOnce).then(|| client.fresh_id());
        let is_allowed = topic.starts_with("t/");
        let publish = publish_packet(topic, qos, retain, packet_id, number, false);
        if is_allowed {
            let (topic, origin_qos) = (topic.to_owned(), qos);
            self.send_publish(index, publish, |effect| acknowledges(effect, qos, packet_id, version, 0));
            self.published(&topic, origin_qos, number, retain);
            if let (QoS::ExactlyOnce, Some(id)) = (qos, packet_id) {
                self.clients[index].model.unreleased.push(id);
            }
        } else if version == Version::V3 {
            let ended = self.handle(index, publish);
            assert!(matches!(ended, Effect::End(SessionEnd::Refused(_))), "{ended:?}");
            self.end_connection(index, &SessionEnd::Lost(ReadError::Closed));
        } else {
            let effect = self.handle(index, publish);
            acknowledges(&effect, qos, packet_id, version, 0x87);
        }
        Some(())
    }

    /// A QoS 2 message that the client does not know to have arrived: it is acknowledged, and not published again.
    fn publish_again(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let unreleased = &self.clients[index].model.unreleased;
        if unreleased.is_empty() {
            return Some(());
        }
        let chosen = usize::try_from(choices.below(unreleased.len() as u64)?).unwrap_or(0);
        let id = unreleased[chosen];
        let publish = publish_packet("t/a", QoS::ExactlyOnce, false, Some(id), 0, true);
        let effect = self.handle(index, publish);
        acknowledges(&effect, QoS::ExactlyOnce, Some(id), Version::V5, 0);
        Some(())
    }

    /// PUBREL.
    fn release(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let unreleased = &mut self.clients[index].model.unreleased;
        if unreleased.is_empty() {
            return Some(());
        }
        let chosen = usize::try_from(choices.below(unreleased.len() as u64)?).unwrap_or(0);
        let id = unreleased.remove(chosen);
        let release = Packet::PublishRelease(PublishAck2 { packet_id: id, ..PublishAck2::default() });
        let effect = self.handle(index, release);
        let Effect::Reply(Packet::PublishComplete(complete)) = &effect else { panic!("{effect:?}") };
        assert_eq!((complete.packet_id, u8::from(complete.reason_code)), (id, 0));
        Some(())
    }

    /// Acknowledges one of the messages that the client has not acknowledged.
    fn acknowledge(&mut self, index: usize, choices: &mut Choices<'_>) -> Option<()> {
        let model = &mut self.clients[index].model;
        let current: Vec<_> =
            model.unacknowledged.iter().filter(|entry| entry.is_current || entry.received).copied().collect();
        if current.is_empty() {
            return Some(());
        }
        let entry = current[usize::try_from(choices.below(current.len() as u64)?).unwrap_or(0)];
        let position =
            model.unacknowledged.iter().position(|other| other.id == entry.id).expect("it is there");
        match (entry.owed.qos, entry.received) {
            (QoS::ExactlyOnce, false) => {
                model.unacknowledged[position].received = true;
                let received = PublishAck { packet_id: entry.id, ..PublishAck::default() };
                let effect = self.handle(index, Packet::PublishReceived(received));
                let Effect::Reply(Packet::PublishRelease(release)) = &effect else { panic!("{effect:?}") };
                assert_eq!((release.packet_id, u8::from(release.reason_code)), (entry.id, 0));
            }
            (QoS::ExactlyOnce, true) => {
                model.unacknowledged.remove(position);
                let complete = PublishAck2 { packet_id: entry.id, ..PublishAck2::default() };
                let effect = self.handle(index, Packet::PublishComplete(complete));
                assert!(matches!(effect, Effect::None), "{effect:?}");
            }
            _ => {
                model.unacknowledged.remove(position);
                let ack = PublishAck { packet_id: entry.id, ..PublishAck::default() };
                let effect = self.handle(index, Packet::PublishAck(ack));
                assert!(matches!(effect, Effect::None), "{effect:?}");
            }
        }
        self.deliver(index);
        Some(())
    }

    /// Sends a PUBLISH that is allowed, and carries out what follows.
    fn send_publish(&mut self, index: usize, packet: Packet, check: impl FnOnce(&Effect)) {
        let effect = self.handle(index, packet);
        let Effect::Publish(pending) = effect else { panic!("{effect:?}") };
        let (message, acknowledgement) = self.clients[index].state.publish(pending, self.now);
        check(&acknowledgement);
        let message = message.expect("it is published");
        self.fan_out(&message);
    }

    /// What the engine does, and the groups.
    fn fan_out(&mut self, message: &Message) {
        for client in &mut self.clients {
            client.state.deliver(Received { message: Some(message.clone()), lost: None });
        }
        self.shared.published((!self.shared.groups_are_empty()).then_some(message));
    }

    /// What the model makes of a published message; then everybody takes what is there.
    fn published(&mut self, topic: &str, qos: QoS, number: u64, retain: bool) {
        if retain {
            self.retained.insert(topic.to_owned(), (number, qos));
        }
        for client in &mut self.clients {
            if let Some(qos) = client.model.wants(topic, qos) {
                client.model.owed.push_back(Owed { number, qos, retain: false });
            }
        }
        for index in 0..CLIENTS {
            self.deliver(index);
        }
    }

    /// Sends the client all that it takes.
    fn deliver(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(wire) = &mut client.wire else { return };
        let mut turn = DrawTurn::default();
        let mut out = BytesMut::new();
        while let Some(packet) = client.state.next_packet(&mut turn, self.now) {
            let _ = Unsent::of(&packet);
            self.played.to_clients += 1;
            match &packet {
                Packet::Publish(publish) if client.shares => {
                    if !publish.dup {
                        let number: u64 = std::str::from_utf8(&publish.payload)
                            .ok()
                            .and_then(|text| text.parse().ok())
                            .expect("a number");
                        *self.shared_deliveries.entry(number).or_default() += 1;
                    }
                    if let Some(id) = publish.packet_id {
                        let owed = Owed { number: 0, qos: publish.qos, retain: false };
                        client.model.unacknowledged.retain(|entry| entry.id != id);
                        client.model.unacknowledged.push(super::model::Unacknowledged {
                            id,
                            owed,
                            received: false,
                            is_current: true,
                        });
                    }
                }
                Packet::Publish(publish) => client.model.receive(publish, client.window),
                Packet::PublishRelease(release) => {
                    let known = client
                        .model
                        .unacknowledged
                        .iter()
                        .any(|entry| entry.id == release.packet_id && entry.received);
                    assert!(known, "a PUBREL of an id that was received: {release:?}");
                }
                other => panic!("{other:?} is not the session's to send"),
            }
            wire.encode(packet, &mut out).expect("the client takes it");
            turn = DrawTurn::default();
        }
        // Everything that is owed and fits into the window has been sent.
        let outstanding = client.model.unacknowledged.len();
        if !client.shares && outstanding < client.window {
            assert!(client.model.owed.is_empty(), "{}: {:?}", client.name, client.model);
        }
    }

    fn handle(&mut self, index: usize, packet: Packet) -> Effect {
        let client = &mut self.clients[index];
        let wire = client.wire.as_mut().expect("it is connected");
        self.played.from_clients += 1;
        let packet = through_wire(wire, packet);
        client.state.handle(packet, self.now)
    }

    fn send(&mut self, index: usize, packet: Packet, check: impl FnOnce(&Effect) -> Option<()>) {
        let effect = self.handle(index, packet);
        check(&effect);
    }
}

fn publish_packet(
    topic: &str,
    qos: QoS,
    retain: bool,
    packet_id: Option<NonZeroU16>,
    number: u64,
    dup: bool,
) -> Packet {
    Packet::Publish(Box::new(Publish {
        dup,
        retain,
        qos,
        topic: Text::from(topic.to_owned()),
        packet_id,
        payload: Bytes::from(number.to_string()),
        properties: Some(PublishProperties {
            message_expiry_interval: NonZeroU32::new(1_000_000),
            ..PublishProperties::default()
        }),
    }))
}

/// Checks the acknowledgement of a PUBLISH.
fn acknowledges(effect: &Effect, qos: QoS, packet_id: Option<NonZeroU16>, version: Version, code: u8) {
    let check = |ack: &PublishAck| {
        assert_eq!(Some(ack.packet_id), packet_id);
        if version == Version::V5 {
            assert_eq!(u8::from(ack.reason_code), code);
        } else {
            assert_eq!(ack.reason_code, PublishAckReason::Success);
        }
    };
    match (qos, effect) {
        (QoS::AtMostOnce, Effect::None) => {}
        (QoS::AtLeastOnce, Effect::Reply(Packet::PublishAck(ack)))
        | (QoS::ExactlyOnce, Effect::Reply(Packet::PublishReceived(ack))) => check(ack),
        _ => panic!("{qos:?} is acknowledged by {effect:?}"),
    }
}
