//! [`Stage`]: where one scenario is performed.

use std::fmt::Debug;
use std::time::Duration;

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{Connect, Kind, Version, acknowledge};
use integration_tests::pki::Forger;

use super::place::{Host, Place, device_id};

/// The payload of the message after which nothing is listened for.
const MARKER: &str = "marker";

/// What was seen, and what the policy wants.
pub(crate) struct Seen {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) saw: String,
}

/// One host and one version, with a device of the scenario's own.
pub(crate) struct Stage<'a> {
    pub(crate) place: &'a Place,
    pub(crate) host: Host,
    pub(crate) version: Version,
    pub(crate) device: String,
    credential: Credential,
    seen: Vec<Seen>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(place: &'a Place, host: Host, scenario: &str, version: Version) -> Self {
        let device = device_id(scenario, host, version);
        let credential = place.credential(&device).clone();
        Self { place, host, version, device, credential, seen: Vec::new() }
    }

    pub(crate) fn seen(&self) -> &[Seen] {
        &self.seen
    }

    pub(crate) fn note<T: Debug>(&mut self, what: &str, wanted: T, saw: T) {
        self.seen.push(Seen {
            what: what.to_owned(),
            wanted: format!("{wanted:?}"),
            saw: format!("{saw:?}"),
        });
    }

    /// The device has another certificate from here on.
    pub(crate) fn issue_again(&mut self) {
        let authority = Forger::with_key_of(&self.place.site.fleet, "device-ca");
        self.credential = authority.certificate(&self.device);
    }

    pub(crate) fn connect(&self) -> Connect {
        Connect::new(self.version, &self.device)
    }

    fn tls(&self) -> Tls {
        self.place.site.tls(&self.credential)
    }

    #[track_caller]
    pub(crate) fn enter(&self, connect: &Connect) -> Client {
        Client::connect(self.place.address(self.host), &self.tls(), connect)
    }

    /// Comes; the client, if it is let in, and whether there was a session for it.
    pub(crate) fn attempt(&self, connect: &Connect) -> Option<(Client, bool)> {
        match Client::attempt(self.place.address(self.host), &self.tls(), connect) {
            (Some(client), Heard::Packet(connack))
                if connack.is(Kind::ConnAck) && connack.reason_code() == 0 =>
            {
                Some((client, connack.session_present()))
            }
            _ => None,
        }
    }

    /// The service that may publish and hear everything.
    #[track_caller]
    pub(crate) fn backend(&self) -> Client {
        let connect = Connect::new(self.version, &format!("backend/{}", self.device));
        Client::connect(self.place.address(self.host), &self.place.service_tls(), &connect)
    }

    /// `topic` for the device of this scenario.
    pub(crate) fn topic(&self, topic: &str) -> String {
        topic.replace("ME", &self.device)
    }

    /// Waits until what has changed is in force.
    pub(crate) fn settle(&self) {
        std::thread::sleep(Duration::from_millis(1500));
    }
}

/// The payloads up to the one that comes last.
#[track_caller]
pub(crate) fn heard_until_marker(client: &mut Client) -> Vec<String> {
    let mut payloads = Vec::new();
    loop {
        let message = match client.hear(PATIENCE) {
            Heard::Packet(packet) if packet.is(Kind::Publish) => packet.message(),
            other => {
                payloads.push(format!("no marker: {other:?}"));
                return payloads;
            }
        };
        if message.qos == 1 {
            client.send(&acknowledge(0x40, message.id));
        }
        if message.payload == MARKER {
            return payloads;
        }
        payloads.push(message.payload);
    }
}

/// The payloads that come within `patience`.
pub(crate) fn heard_within(client: &mut Client, patience: Duration) -> Vec<String> {
    let mut payloads = Vec::new();
    while let Heard::Packet(packet) = client.hear(patience) {
        if packet.is(Kind::Publish) {
            let message = packet.message();
            if message.qos == 1 {
                client.send(&acknowledge(0x40, message.id));
            }
            payloads.push(message.payload);
        }
    }
    payloads
}
