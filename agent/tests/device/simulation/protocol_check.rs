//! What a device must do in every simulation, whatever happened: the rules of MQTT and of the agent's documentation,
//! checked against the event log.

use std::collections::{HashMap, HashSet};

use countersign_agent::mqtt::QoS;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{self, ConnectAck, Packet};

use super::event_log::{Entry, Event, EventLog};

/// What is known while the log is read.
#[derive(Default)]
struct Checker {
    /// The messages the firmware has published so far.
    published: HashMap<String, QoS>,
    connections: HashMap<usize, Connection>,
    session: Session,
    /// Texts the broker has received, in all sessions.
    received: HashSet<String>,
    /// The last text that was new to the broker.
    newest: Option<String>,
    delivered: HashSet<String>,
    /// Whether the broker now takes no more than QoS 0, and acknowledges nothing.
    is_qos_0_only: bool,
    /// Whether a command had DUP when it was last sent.
    resent: HashMap<String, bool>,
    /// Commands that are done, since each was last sent.
    done: HashSet<String>,
}

/// The state of one connection.
#[derive(Default)]
struct Connection {
    connack: Option<ConnectAck>,
    is_first_of_session: bool,
    in_flight: HashSet<u16>,
    /// The last text that came over it.
    last: Option<String>,
    /// The ids of the commands sent over it, by packet identifier.
    commands: HashMap<u16, String>,
}

/// The state of the broker's session.
#[derive(Default)]
struct Session {
    /// The packet identifier of every text.
    ids: HashMap<String, u16>,
    /// Texts without a PUBACK, by identifier.
    unacknowledged: HashMap<u16, String>,
}

/// Panics unless the device has kept the rules in every event of the log.
pub(super) fn check(log: &EventLog) {
    let mut checker = Checker::default();
    for entry in &*log.entries() {
        checker.read(entry);
    }
}

/// The texts published with QoS 1 that the broker has not received, or the agent not reported as delivered.
pub(super) fn outstanding(log: &EventLog) -> Vec<String> {
    let mut checker = Checker::default();
    for entry in &*log.entries() {
        checker.read(entry);
    }
    let Checker { published, received, delivered, .. } = checker;
    let is_missing = |text: &String| !received.contains(text) || !delivered.contains(text);
    published
        .into_iter()
        .filter(|(text, qos)| *qos == QoS::AtLeastOnce && is_missing(text))
        .map(|(text, _)| text)
        .collect()
}

impl Checker {
    fn read(&mut self, Entry { at, event }: &Entry) {
        match event {
            Event::Queued { text, qos } => {
                assert!(
                    self.published.insert(text.clone(), *qos).is_none(),
                    "{at:?}: {text} was published twice"
                );
            }
            Event::Delivered { text } => {
                assert!(
                    self.is_qos_0_only || self.received.contains(text),
                    "{at:?}: the broker never got {text}"
                );
                assert!(self.delivered.insert(text.clone()), "{at:?}: {text} was delivered already");
            }
            Event::Rejected { text, .. } => {
                assert!(!self.delivered.contains(text), "{at:?}: {text} was delivered already");
                self.published.remove(text).unwrap_or_else(|| panic!("{at:?}: {text} was never published"));
            }
            Event::CommandBegun { id, duplicate } => {
                assert_eq!(self.resent.get(id), Some(duplicate), "{at:?}: {id}");
            }
            Event::CommandDone { id } => {
                self.done.insert(id.clone());
            }
            Event::TlsEstablished { connection, .. } => {
                self.connections.insert(*connection, Connection::default());
            }
            Event::Sent { connection, packet } => self.sent(*connection, packet),
            Event::Received { connection, packet, length } => {
                self.received(*connection, packet, *length);
            }
            _ => {}
        }
    }

    fn sent(&mut self, number: usize, packet: &Packet) {
        let connection = self.connections.get_mut(&number).unwrap();
        match packet {
            Packet::ConnectAck(connack) => {
                if !connack.session_present {
                    connection.is_first_of_session = true;
                    self.session = Session::default();
                }
                self.is_qos_0_only = connack.max_qos == v5::QoS::AtMostOnce;
                connection.connack = Some((**connack).clone());
            }
            Packet::PublishAck(puback) => {
                let id = puback.packet_id.get();
                connection.in_flight.remove(&id);
                self.session.unacknowledged.remove(&id);
            }
            Packet::Publish(command) => {
                let name = command.topic.rsplit('/').next().unwrap().to_owned();
                self.done.remove(&name);
                // An answer of the renewal service is done as soon as it is read.
                if command.topic.contains("/credential/") {
                    self.done.insert(name.clone());
                }
                self.resent.insert(name.clone(), command.dup);
                connection.commands.insert(command.packet_id.unwrap().get(), name);
            }
            _ => {}
        }
    }

    fn received(&mut self, number: usize, packet: &Packet, length: usize) {
        let connection = self.connections.get_mut(&number).unwrap();
        let Some(connack) = &connection.connack else {
            let Packet::Connect(connect) = packet else { panic!("{packet:?} before CONNACK") };
            assert!(!connect.clean_start && &*connect.client_id == "dev-1", "{connect:?}");
            return;
        };
        let limit = connack.max_packet_size.map_or(usize::MAX, |limit| limit as usize);
        assert!(length <= limit, "{length} bytes, and the broker takes {limit}");
        match packet {
            Packet::Publish(publish) => {
                assert!(publish.qos <= connack.max_qos, "{publish:?}");
                assert!(!publish.retain || connack.retain_available, "{publish:?}");
                if let Some(id) = publish.packet_id {
                    assert!(connection.in_flight.insert(id.get()), "{id} is under way already: {publish:?}");
                    let (count, most) = (connection.in_flight.len(), connack.receive_max.get());
                    assert!(count <= usize::from(most), "{count} are under way, {most} may be");
                }
                if publish.topic.contains("/telemetry/") {
                    self.publish_received(number, publish);
                }
            }
            Packet::PublishAck(puback) => {
                let command = &connection.commands[&puback.packet_id.get()];
                assert!(self.done.contains(command), "{command} is acknowledged and not done");
            }
            Packet::Connect(_) => panic!("a second CONNECT"),
            _ => {}
        }
    }

    /// Every message was published by the firmware, arrives once if it has QoS 0, has DUP when it is repeated, and
    /// stays in order.
    fn publish_received(&mut self, number: usize, publish: &Publish) {
        let connection = self.connections.get_mut(&number).unwrap();
        let text = std::str::from_utf8(&publish.payload).unwrap().to_owned();
        let qos = self.published.get(&text).unwrap_or_else(|| panic!("{text} was never published"));
        let is_new = self.received.insert(text.clone());
        if publish.qos == v5::QoS::AtMostOnce {
            assert!(is_new || *qos == QoS::AtLeastOnce, "{text} came twice, with QoS 0");
        } else {
            assert_eq!(*qos, QoS::AtLeastOnce, "{text} has a higher QoS than it was given");
        }
        assert!(connection.last.as_ref() < Some(&text), "{text} came after {:?}", connection.last);
        connection.last = Some(text.clone());
        if is_new {
            assert!(self.newest.as_ref() < Some(&text), "{text} was overtaken by {:?}", self.newest);
            self.newest = Some(text.clone());
        }
        let Some(id) = publish.packet_id.map(u16::from) else { return };
        match self.session.ids.get(&text) {
            Some(&before) => {
                assert_eq!(
                    (publish.dup, id),
                    (true, before),
                    "{text} is repeated without DUP or under another identifier"
                );
            }
            None => {
                assert!(!publish.dup || !connection.is_first_of_session, "{text} was never sent before");
                let other = self.session.unacknowledged.get(&id);
                assert_eq!(other, None, "{id} is the identifier of another message than {text}");
                self.session.ids.insert(text.clone(), id);
            }
        }
        self.session.unacknowledged.insert(id, text);
    }
}
