//! Whose certificate it is decides who a client is: neither its client id, nor its user name, nor a list of users.

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::Forger;
use integration_tests::site::Site;
use rcgen::SanType;
use serde_json::Value;

use crate::PROGRAMS;
use crate::visit::{met, met_at};

/// What `sessions` lists of this identity.
#[track_caller]
fn session_of(site: &Site, identity: &str) -> Value {
    let sessions = operate(&site.fleet, "sessions", &["--json"]).json();
    let sessions = sessions.as_array().expect("one array");
    sessions.iter().find(|session| session["identity"] == identity).expect("it has a session").clone()
}

/// Whatever it calls itself, in whichever field: the owner's connection is not even interrupted.
#[test]
fn nobody_disconnects_a_device_by_borrowing_its_client_id() {
    let site = Site::new(PROGRAMS);
    let thief = site.fleet.device("dev-2");
    let mut owner = site.dev_1(Version::V5);
    for version in Version::ALL {
        for connect in [
            Connect::new(version, "dev-1"),
            Connect::new(version, "dev-1").user_name("dev-1"),
            Connect::new(version, "dev-1").user_name("dev-2").password("x"),
            Connect::new(version, "dev-1").persistent(),
        ] {
            let what = format!("{connect:?}");
            assert_eq!(met_at(&site.broker, &site.fleet, &thief, &connect), "client_id_mismatch", "{what}");
            assert!(owner.is_alive(), "{what}");
        }
        // Its own client id under the owner's user name: it is let in as itself.
        let connect = Connect::new(version, "dev-2").user_name("dev-1").password("x");
        let mut itself = site.connect(&thief, &connect);
        assert_eq!(itself.subscribe("devices/dev-2/commands/#", 1), 1);
        assert!(itself.subscribe("devices/dev-1/commands/#", 1) >= 0x80);
        itself.disconnect();
        assert!(owner.is_alive());
    }
    // Nor does it take the place of one that is away.
    owner.disconnect();
    assert_eq!(met(&site, &thief, "dev-1"), "client_id_mismatch");
}

/// Two listings of one client: what the certificate says, and what the client calls itself. A user name is neither.
#[test]
fn the_identity_stands_beside_what_the_client_says_and_replaces_none_of_it() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("client-id = \"must-equal\"", "client-id = \"must-start-with\"");
    });
    let mark = site.broker.log().mark();
    let connect = Connect::new(Version::V5, "dev-1/hall-3").user_name("I_am_username").password("x");
    let mut client = site.connect(&site.device, &connect);
    let session = session_of(&site, "dev-1");
    assert_eq!((&session["client_id"], &session["namespace"]), (&"dev-1/hall-3".into(), &"device-ca".into()));
    let line =
        site.broker.log().line(mark, |line| line["event"] == "connect" && line["outcome"] == "allowed");
    assert_eq!((&line["identity"], &line["client_id"]), (&"dev-1".into(), &"dev-1/hall-3".into()));
    // The user name opens nothing and closes nothing.
    assert_eq!(client.publish("devices/dev-1/telemetry/a", "x"), 0);
    assert_eq!(client.publish("devices/I_am_username/telemetry/a", "x"), 0x87);
}

/// No user is named anywhere: one policy serves whoever the CA has given a name to.
#[test]
fn an_alternative_name_is_the_identity_and_the_client_id_and_no_users_are_managed() {
    let site = Site::configured(PROGRAMS, |fleet| {
        let template = "device-id = [{ template = \"{SAN:DNS}\", regex = '([a-z0-9-]+)\\.pumps\\.acme\\.test' }, \"{CN}\"]";
        fleet.configure("device-id = \"{CN}\"", template);
    });
    let issuer = Forger::with_key_of(&site.fleet, "device-ca");
    let mut clients = Vec::new();
    for number in 1..=20 {
        let id = format!("pump-{number}");
        let credential = issuer.altered(&format!("Serial {number}"), |params| {
            let name = format!("{id}.pumps.acme.test").try_into().expect("ASCII");
            params.subject_alt_names = vec![SanType::DnsName(name)];
        });
        for other in [format!("Serial {number}"), format!("{id}.pumps.acme.test"), "pump-0".to_owned()] {
            assert_eq!(met(&site, &credential, &other), "client_id_mismatch", "{other}");
        }
        let mut client = site.connect(&credential, &Connect::new(Version::V5, &id));
        assert_eq!(client.publish(&format!("devices/{id}/telemetry/a"), "x"), 0);
        assert_eq!(client.publish("devices/pump-0/telemetry/a", "x"), 0x87);
        clients.push(client);
    }
    assert!(clients.iter_mut().all(Client::is_alive));
    assert_eq!(met(&site, &site.device, "dev-1"), "in", "the next alternative: it has no such name");
}

/// MQTT 5 §3.1.3.1: a client may leave its id to the server, which then tells it.
#[test]
fn a_client_that_names_no_id_is_given_that_of_its_certificate() {
    let site = Site::new(PROGRAMS);
    let mut device = {
        let connect = Connect::new(Version::V5, "").without_id();
        let (client, connack) =
            Client::connect_and_connack(site.address(), &site.tls(&site.device), &connect);
        assert!(String::from_utf8_lossy(connack.body()).contains("\x12\0\x05dev-1"), "{connack:?}");
        client
    };
    assert_eq!(session_of(&site, "dev-1")["client_id"], "dev-1");
    // 3.1.1 cannot be told; it has the same session, which is taken over.
    let mut old = site.connect(&site.device, &Connect::new(Version::V311, "").without_id());
    assert!(old.is_alive());
    assert_eq!(session_of(&site, "dev-1")["client_id"], "dev-1");
    assert!(!device.is_alive());
}

/// `CN = client id` is what is checked, unless the operator says otherwise, and `explain` says so beforehand.
#[test]
fn the_common_name_and_the_client_id_must_agree_by_default() {
    let site = Site::new(PROGRAMS);
    let certificate = site.device.certificate.display().to_string();
    for (id, code, outcome) in
        [("dev-1", 0, "in"), ("dev-2", 6, "client_id_mismatch"), ("DEV-1", 6, "client_id_mismatch")]
    {
        assert_eq!(met(&site, &site.device, id), outcome);
        let explained =
            operate(&site.fleet, "explain", &["--json", "--cert", &certificate, "--client-id", id]);
        assert_eq!(explained.code, code, "{id}: {}", explained.stdout);
    }
    let connect = Connect::new(Version::V311, "dev-2");
    let (_, heard) = Client::attempt(site.address(), &site.tls(&site.device), &connect);
    let Heard::Packet(connack) = heard else { panic!("{heard:?}") };
    assert_eq!(connack.reason_code(), 2, "3.1.1: identifier rejected");
}
