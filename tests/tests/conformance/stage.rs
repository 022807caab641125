//! [`Stage`]: where one scenario is performed byte by byte.

use std::net::SocketAddr;

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::mqtt::{self, Connect, Kind, Packet, Version};
use serde_json::{Value, json};

use crate::observation::{Observation, Play};

/// A scenario, for either version.
pub(crate) type Scenario = fn(&mut Stage);

/// One broker and one version, with topics and client ids that no other scenario uses.
pub(crate) struct Stage {
    broker: SocketAddr,
    tls: Tls,
    scenario: &'static str,
    pub(crate) version: Version,
    seen: Vec<Observation>,
}

impl Stage {
    pub(crate) fn new(broker: SocketAddr, tls: &Tls, scenario: &'static str, version: Version) -> Self {
        Self { broker, tls: tls.clone(), scenario, version, seen: Vec::new() }
    }

    fn version_name(&self) -> &'static str {
        match self.version {
            Version::V311 => "3.1.1",
            Version::V5 => "5",
        }
    }

    /// A topic of this scenario.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.scenario, self.version_name())
    }

    /// What a client of this scenario says first.
    pub(crate) fn connect(&self, name: &str) -> Connect {
        Connect::new(self.version, &self.topic(name))
    }

    /// A client whose session ends with its connection.
    pub(crate) fn client(&self, name: &str) -> Client {
        Client::connect(self.broker, &self.tls, &self.connect(name))
    }

    /// A client whose session outlives its connection.
    pub(crate) fn lasting(&self, name: &str) -> Client {
        Client::connect(self.broker, &self.tls, &self.connect(name).persistent())
    }

    /// A connection on which nothing was said yet.
    pub(crate) fn dial(&self) -> Client {
        Client::dial(self.broker, &self.tls, self.version).expect("the handshake succeeds")
    }

    /// Notes what was seen, and what the clause demands.
    pub(crate) fn saw(&mut self, what: &str, saw: impl Into<Value>, spec: impl Into<Value>, clause: &str) {
        let (what, clause) = (what.to_owned(), clause.to_owned());
        self.seen.push(Observation { what, saw: saw.into(), spec: spec.into(), clause });
    }

    /// Everything that was seen.
    pub(crate) fn leave(self) -> (Play, Vec<Observation>) {
        assert!(!self.seen.is_empty(), "{} observed nothing", self.scenario);
        (Play { scenario: self.scenario.to_owned(), version: self.version_name().to_owned() }, self.seen)
    }
}

/// What a client hears before the answer to a ping: all that the broker had to say until then.
pub(crate) fn all_said(client: &mut Client) -> Vec<Value> {
    client.send(&mqtt::PINGREQ);
    let mut said = Vec::new();
    loop {
        match client.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::PingResp) => return said,
            Heard::Packet(packet) => said.push(in_words(&packet)),
            heard => {
                said.push(json!(format!("{heard:?}")));
                return said;
            }
        }
    }
}

/// A packet, as far as the scenarios are about it.
pub(crate) fn in_words(packet: &Packet) -> Value {
    if packet.is(Kind::Publish) {
        let message = packet.message();
        return json!({"publish": message.payload, "id": message.id, "dup": message.duplicate});
    }
    let kinds = [Kind::PubAck, Kind::PubRec, Kind::PubRel, Kind::PubComp];
    match kinds.into_iter().find(|kind| packet.is(*kind)) {
        Some(kind) => json!({format!("{kind:?}").to_lowercase(): packet.id()}),
        None => json!(format!("{packet:?}")),
    }
}

/// How the broker ends a connection: the code of its DISCONNECT, if it sends one.
pub(crate) fn ending(client: &mut Client) -> Value {
    loop {
        match client.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::Disconnect) => return json!(packet.reason_code()),
            Heard::Packet(_) => {}
            Heard::Closed => return json!("closed"),
            heard => return json!(format!("{heard:?}")),
        }
    }
}
