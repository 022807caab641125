//! An identity cannot be borrowed: not by a client id, not by a similar name, not by a strange one, not by a session.

#![forbid(unsafe_code)]

use std::fs;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::{Forger, subject};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// The CONNACK code for "that is not your client id" (MQTT 5 §3.2.2.2; 3.1.1 §3.2.2.3).
fn client_id_not_valid(version: Version) -> u8 {
    if version == Version::V5 { 0x85 } else { 2 }
}

/// The CONNACK code for "not authorized".
fn not_authorized(version: Version) -> u8 {
    if version == Version::V5 { 0x87 } else { 5 }
}

/// Connects, is refused with this CONNACK code, hears nothing more, and leaves this reason in the log.
#[track_caller]
fn refused_by_connack(site: &Site, credential: &Credential, connect: &Connect, code: u8, reason: &str) {
    let mark = site.broker.log().mark();
    let (client, heard) = Client::attempt(site.address(), &site.tls(credential), connect);
    match heard {
        Heard::Packet(connack) => assert_eq!(connack.reason_code(), code, "{connect:?}: {connack:?}"),
        heard => panic!("{connect:?}: CONNACK was expected: {heard:?}"),
    }
    assert_eq!(client.expect("it was let through TLS").hear(PATIENCE), Heard::Closed);
    let refusal = site.broker.log().refusal(mark);
    assert_eq!((refusal["event"].as_str(), refusal["reason"].as_str()), (Some("connect"), Some(reason)));
}

#[test]
fn a_client_id_of_another_device_is_refused_and_its_session_lives_on() {
    let site = Site::new(PROGRAMS);
    let thief = site.fleet.device("dev-2");
    for rightful in Version::ALL {
        let mut owner = site.dev_1(rightful);
        assert_eq!(owner.subscribe("devices/dev-1/commands/#", 1), 1);
        for version in Version::ALL {
            let connect = Connect::new(version, "dev-1");
            let code = client_id_not_valid(version);
            refused_by_connack(&site, &thief, &connect, code, "client_id_mismatch");
            refused_by_connack(&site, &thief, &connect.clone().persistent(), code, "client_id_mismatch");
        }
        assert!(owner.is_alive());
        let mut backend = site.backend(rightful);
        assert_eq!(backend.publish("devices/dev-1/commands/now", "to the owner"), 0);
        assert_eq!(owner.receive().payload, "to the owner");
        backend.disconnect();
        owner.disconnect();
    }
    let explained =
        operate(&site.fleet, "explain", &["--json", "--client-id", "dev-1", "--cert", &path(&thief)]);
    assert_eq!((explained.code, explained.json()["reason"].as_str()), (6, Some("client_id_mismatch")));
}

fn path(credential: &Credential) -> String {
    credential.certificate.display().to_string()
}

#[test]
fn dev_1_never_passes_for_dev_10_nor_dev_10_for_dev_1() {
    let site = Site::new(PROGRAMS);
    let dev_10 = site.fleet.device("dev-10");
    for version in Version::ALL {
        let code = client_id_not_valid(version);
        for (credential, stranger) in [(&site.device, "dev-10"), (&dev_10, "dev-1")] {
            for client_id in [stranger.to_owned(), format!("{stranger}/1"), "dev-".into(), "DEV-1".into()] {
                let connect = Connect::new(version, &client_id);
                refused_by_connack(&site, credential, &connect, code, "client_id_mismatch");
            }
        }
    }
    for (credential, own, other) in [(&site.device, "dev-1", "dev-10"), (&dev_10, "dev-10", "dev-1")] {
        let mut client = site.connect(credential, &Connect::new(Version::V5, own));
        assert_eq!(client.publish(&format!("devices/{own}/telemetry/a"), ""), 0);
        assert_eq!(client.publish(&format!("devices/{other}/telemetry/a"), ""), 0x87);
        assert_eq!(client.publish_qos2(&format!("devices/{other}/status"), ""), 0x87);
        assert_eq!(client.subscribe(&format!("devices/{own}/commands/#"), 1), 1);
        for filter in [
            format!("devices/{other}/commands/#"),
            format!("devices/{other}/commands"),
            "devices/+/commands/#".to_owned(),
            "devices/#".to_owned(),
            "#".to_owned(),
            "+/#".to_owned(),
            format!("devices/{own}/#"),
            format!("$share/group/devices/{other}/commands/#"),
            "$SYS/#".to_owned(),
        ] {
            assert_eq!(client.subscribe(&filter, 1), 0x87, "{own} subscribed to {filter}");
        }
        client.disconnect();
    }
}

#[test]
fn a_service_has_client_ids_below_its_name_and_of_no_longer_name() {
    let site = Site::new(PROGRAMS);
    let back = site.fleet.service("back");
    for version in Version::ALL {
        for client_id in ["backend", "backend/1", "backs", "bac", "/back"] {
            let connect = Connect::new(version, client_id);
            refused_by_connack(&site, &back, &connect, client_id_not_valid(version), "client_id_mismatch");
        }
        let mut one = site.connect(&back, &Connect::new(version, "back/1"));
        let mut two = site.connect(&back, &Connect::new(version, "back/2"));
        assert!(one.is_alive() && two.is_alive(), "one service, two clients");
        one.disconnect();
        two.disconnect();
    }
}

#[test]
fn a_service_is_no_device_and_a_device_no_service_of_the_same_name() {
    let site = Site::new(PROGRAMS);
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.publish("devices/backend/telemetry/a", ""), 0x87);
    assert_eq!(backend.publish("devices/dev-1/telemetry/a", ""), 0x87);
    assert_eq!(backend.subscribe("devices/+/credential/response", 1), 0x87, "that is the renewal service's");
    assert_eq!(backend.subscribe("devices/backend/commands/#", 1), 0x87);

    // The registry gives a name once; a forger has the device CA's key and does not ask the registry.
    let forger = Forger::with_key_of(&site.fleet, "device-ca");
    let namesake = forger.certificate("backend");
    for version in Version::ALL {
        let connect = Connect::new(version, "backend");
        refused_by_connack(&site, &namesake, &connect, client_id_not_valid(version), "client_id_mismatch");
    }
    assert!(backend.is_alive());
    backend.disconnect();
    let mut device = site.connect(&namesake, &Connect::new(Version::V5, "backend"));
    assert_eq!(device.subscribe("devices/+/telemetry/#", 1), 0x87, "it is a device, and nothing more");
    device.disconnect();

    let provisioning = forger.certificate("provisioning");
    let mut device = site.connect(&provisioning, &Connect::new(Version::V5, "provisioning"));
    assert_eq!(device.subscribe("devices/+/credential/request", 1), 0x87, "renewal is for a service");
}

#[test]
fn a_certificate_whose_subject_is_no_device_id_has_no_identity() {
    let site = Site::new(PROGRAMS);
    let forger = Forger::with_key_of(&site.fleet, "device-ca");
    let with_names = |names: &[&str]| forger.altered("", |params| params.distinguished_name = subject(names));
    let longest = "x".repeat(64);
    let too_long = "x".repeat(65);
    for (what, credential) in [
        ("no common name", with_names(&[])),
        ("two common names", with_names(&["dev-1", "dev-2"])),
        ("the same common name twice", with_names(&["dev-1", "dev-1"])),
        ("an empty name", with_names(&[""])),
        ("NUL at the end", with_names(&["dev-1\0"])),
        ("NUL inside", with_names(&["dev-1\0.evil"])),
        ("a single-level wildcard", with_names(&["+"])),
        ("a wildcard inside", with_names(&["dev-+"])),
        ("a multi-level wildcard", with_names(&["#"])),
        ("two topic levels", with_names(&["dev-1/telemetry"])),
        ("a level up", with_names(&["../dev-1"])),
        ("a space", with_names(&["dev 1"])),
        ("a space at the end", with_names(&["dev-1 "])),
        ("a line break", with_names(&["dev-1\n"])),
        ("a letter that is not ASCII", with_names(&["dév-1"])),
        ("a hyphen first", with_names(&["-1"])),
        ("a dollar", with_names(&["$SYS"])),
        ("65 characters", with_names(&[&too_long])),
    ] {
        for version in Version::ALL {
            let mark = site.broker.log().mark();
            let (_, heard) =
                Client::attempt(site.address(), &site.tls(&credential), &Connect::new(version, "dev-1"));
            match heard {
                Heard::Packet(connack) => {
                    assert_eq!(connack.reason_code(), not_authorized(version), "{what}");
                }
                heard => panic!("{what}: {heard:?}"),
            }
            assert_eq!(site.broker.log().refusal(mark)["reason"], "unmapped_identity", "{what}");
        }
        let explained = operate(&site.fleet, "explain", &["--json", "--cert", &path(&credential)]);
        assert_eq!(explained.json()["reason"], "unmapped_identity", "{what}");
        assert_eq!(explained.code, 6, "{what}");
    }
    assert!(site.connect(&with_names(&[&longest]), &Connect::new(Version::V5, &longest)).is_alive());
}

#[test]
fn a_last_will_may_go_where_its_client_may_publish_and_nowhere_else() {
    let site = Site::new(PROGRAMS);
    for version in Version::ALL {
        for topic in ["devices/dev-2/status", "devices/dev-10/status", "devices/dev-1/commands/x", "$SYS/x"] {
            let connect = Connect::new(version, "dev-1").will(topic, "offline");
            refused_by_connack(&site, &site.device, &connect, not_authorized(version), "topic_denied");
        }
        let connect = Connect::new(version, "dev-1").will("devices/dev-1/status", "offline");
        site.connect(&site.device, &connect).disconnect();
    }
}

/// A second listener, for the same devices under a narrower policy.
const NARROW: &str = r#"
[[listener]]
address = "127.0.0.1:0"
server-cert = "broker/cert.pem"
server-key = "broker/key.pem"

[[listener.trust]]
name = "device-ca-narrow"
namespace = "device-ca"
anchors = ["device-ca/issuing.pem"]
crl = ["crl/device-ca.crl"]

[[policy]]
name = "narrow"
match = { trust = "device-ca-narrow" }
action = "allow"
client-id = "must-equal"
publish = []
subscribe = ["devices/{device-id}/commands/ping"]
"#;

/// A device that has subscribed to its commands under a wide policy, and comes back under a narrow one: the same
/// device, the same session, by another listener.
struct Narrowed {
    /// Declared first, so that it ends before its fleet goes.
    broker: Broker,
    _fleet: Fleet,
    device: Tls,
    service: Tls,
}

impl Narrowed {
    fn new() -> Self {
        let fleet = Fleet::new(PROGRAMS);
        let device = Tls::new(&fleet, Some(&fleet.device("dev-1")));
        let service = Tls::new(&fleet, Some(&fleet.service("backend")));
        fleet.configure("0.0.0.0:8883", "127.0.0.1:0");
        let file = fleet.file("broker.toml");
        let text = fs::read_to_string(&file).expect("broker.toml can be read");
        fs::write(&file, text + NARROW).expect("broker.toml can be written");
        let broker = Broker::start_with_listeners(&fleet, 2);
        Self { broker, _fleet: fleet, device, service }
    }

    fn wide(&self, connect: &Connect) -> Client {
        Client::connect(self.broker.addresses()[0], &self.device, connect)
    }

    /// Comes back to its session.
    #[track_caller]
    fn narrow(&self, connect: &Connect) -> Client {
        let narrow = self.broker.addresses()[1];
        let (client, connack) = Client::connect_and_connack(narrow, &self.device, connect);
        assert!(connack.session_present());
        client
    }

    fn backend(&self, version: Version) -> Client {
        Client::connect(self.broker.addresses()[0], &self.service, &Connect::new(version, "backend"))
    }

    /// Sends a command that only the wide policy lets through, and then one that both do.
    #[track_caller]
    fn command(backend: &mut Client, payload: &str) {
        assert_eq!(backend.publish("devices/dev-1/commands/reboot", payload), 0);
        assert_eq!(backend.publish("devices/dev-1/commands/ping", payload), 0);
    }
}

#[track_caller]
fn is_pinged(client: &mut Client, payload: &str) {
    let message = client.receive();
    assert_eq!((message.topic.as_str(), message.payload.as_str()), ("devices/dev-1/commands/ping", payload));
}

#[test]
fn an_old_subscription_gives_nothing_that_the_policy_now_denies() {
    let narrowed = Narrowed::new();
    for version in Version::ALL {
        let lasting = Connect::new(version, "dev-1").persistent();
        let mut client = narrowed.wide(&lasting);
        assert_eq!(client.subscribe("devices/dev-1/commands/#", 1), 1);
        client.disconnect();

        let mut client = narrowed.narrow(&lasting);
        let mut backend = narrowed.backend(version);
        Narrowed::command(&mut backend, "while here");
        is_pinged(&mut client, "while here");
        assert!(client.is_alive(), "nothing else is delivered");
        client.disconnect();
        Narrowed::command(&mut backend, "while away");
        let mut client = narrowed.narrow(&lasting);
        is_pinged(&mut client, "while away");
        assert!(client.is_alive(), "nothing else was kept");
        client.disconnect();

        // What the policy allows again is delivered again.
        let mut client = narrowed.wide(&lasting);
        assert_eq!(backend.publish("devices/dev-1/commands/reboot", "allowed again"), 0);
        assert_eq!(client.receive().payload, "allowed again");
        client.disconnect();
        narrowed.wide(&Connect::new(version, "dev-1")).disconnect();
        backend.disconnect();
    }
}

#[test]
fn what_was_queued_under_an_old_policy_is_not_delivered_under_a_new_one() {
    let narrowed = Narrowed::new();
    for version in Version::ALL {
        let lasting = Connect::new(version, "dev-1").persistent();
        let mut client = narrowed.wide(&lasting);
        assert_eq!(client.subscribe("devices/dev-1/commands/#", 1), 1);
        client.disconnect();
        let mut backend = narrowed.backend(version);
        Narrowed::command(&mut backend, "queued");
        backend.disconnect();

        let mut client = narrowed.narrow(&lasting);
        is_pinged(&mut client, "queued");
        assert!(client.is_alive(), "nothing else is delivered");
        client.disconnect();
        narrowed.wide(&Connect::new(version, "dev-1")).disconnect();
    }
}

#[test]
fn what_was_never_acknowledged_under_an_old_policy_is_not_repeated_under_a_new_one() {
    let narrowed = Narrowed::new();
    for version in Version::ALL {
        let lasting = Connect::new(version, "dev-1").persistent();
        let mut client = narrowed.wide(&lasting);
        assert_eq!(client.subscribe("devices/dev-1/commands/#", 1), 1);
        let mut backend = narrowed.backend(version);
        Narrowed::command(&mut backend, "unacknowledged");
        for command in ["reboot", "ping"] {
            assert!(client.expect(Kind::Publish).message().topic.ends_with(command));
        }
        drop(client);
        backend.disconnect();

        let mut client = narrowed.narrow(&lasting);
        is_pinged(&mut client, "unacknowledged");
        assert!(client.is_alive(), "nothing else is repeated");
        client.disconnect();
        narrowed.wide(&Connect::new(version, "dev-1")).disconnect();
    }
}
