//! What a device owes its broker in every world, whatever happened: read from the record of it.

use std::collections::{HashMap, HashSet};

use countersign_agent::mqtt::QoS;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{self, ConnectAck, Packet};

use super::chronicle::{Chronicle, Entry, Event};

/// What is known while the record is read.
#[derive(Default)]
struct Reading {
    /// What the firmware has said so far.
    said: HashMap<String, QoS>,
    connections: HashMap<usize, Connection>,
    session: Session,
    /// Texts the broker has, in all sessions.
    received: HashSet<String>,
    /// The last text that was new to the broker.
    newest: Option<String>,
    delivered: HashSet<String>,
    /// Whether the broker now takes no more than QoS 0, and acknowledges nothing.
    is_mute: bool,
    /// Whether a command was sent before when it was last sent.
    resent: HashMap<String, bool>,
    /// Commands that are done, since each was last sent.
    done: HashSet<String>,
}

/// What one connection has seen.
#[derive(Default)]
struct Connection {
    connack: Option<ConnectAck>,
    is_first_of_session: bool,
    in_flight: HashSet<u16>,
    /// The last text that came over it.
    last: Option<String>,
    /// What the commands sent over it are called.
    commands: HashMap<u16, String>,
}

/// What the broker keeps over connections.
#[derive(Default)]
struct Session {
    /// The identifier every text came under.
    ids: HashMap<String, u16>,
    /// Texts without a PUBACK, by identifier.
    unacknowledged: HashMap<u16, String>,
}

/// Panics unless the device has kept to MQTT, and to its word, at every moment.
pub(super) fn was_kept(chronicle: &Chronicle) {
    let mut reading = Reading::default();
    for entry in &*chronicle.entries() {
        reading.read(entry);
    }
}

/// The texts said with QoS 1 that the broker has not got.
pub(super) fn outstanding(chronicle: &Chronicle) -> Vec<String> {
    let mut reading = Reading::default();
    for entry in &*chronicle.entries() {
        reading.read(entry);
    }
    let Reading { said, received, delivered, .. } = reading;
    let is_missing = |text: &String| !received.contains(text) || !delivered.contains(text);
    said.into_iter()
        .filter(|(text, qos)| *qos == QoS::AtLeastOnce && is_missing(text))
        .map(|(text, _)| text)
        .collect()
}

impl Reading {
    fn read(&mut self, Entry { at, event }: &Entry) {
        match event {
            Event::Said { text, qos } => {
                assert!(self.said.insert(text.clone(), *qos).is_none(), "{at:?}: {text} was said twice");
            }
            Event::Delivered { text } => {
                assert!(self.is_mute || self.received.contains(text), "{at:?}: the broker never got {text}");
                assert!(self.delivered.insert(text.clone()), "{at:?}: {text} was delivered already");
            }
            Event::Rejected { text, .. } => {
                assert!(!self.delivered.contains(text), "{at:?}: {text} was delivered already");
                self.said.remove(text).unwrap_or_else(|| panic!("{at:?}: nobody said {text}"));
            }
            Event::Obeying { id, duplicate } => {
                assert_eq!(self.resent.get(id), Some(duplicate), "{at:?}: {id}");
            }
            Event::Obeyed { id } => {
                self.done.insert(id.clone());
            }
            Event::Secured { connection } => {
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
                self.is_mute = connack.max_qos == v5::QoS::AtMostOnce;
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
                    self.published(number, publish);
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

    /// A message is one that was said, once for QoS 0; a repetition says so; and nothing overtakes anything.
    fn published(&mut self, number: usize, publish: &Publish) {
        let connection = self.connections.get_mut(&number).unwrap();
        let text = std::str::from_utf8(&publish.payload).unwrap().to_owned();
        let said = self.said.get(&text).unwrap_or_else(|| panic!("nobody said {text}"));
        let is_new = self.received.insert(text.clone());
        if publish.qos == v5::QoS::AtMostOnce {
            assert!(is_new || *said == QoS::AtLeastOnce, "{text} came twice, with QoS 0");
        } else {
            assert_eq!(*said, QoS::AtLeastOnce, "{text} has a higher QoS than it was given");
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
                assert_eq!((publish.dup, id), (true, before), "{text} is repeated and does not say so");
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
