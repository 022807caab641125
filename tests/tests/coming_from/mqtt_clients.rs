//! mosquitto's clients and Paho: who gets in, who does not, and what ends a session.

use std::fs;
use std::process::{Child, Command, Stdio};

use integration_tests::broker::Mark;
use integration_tests::credential::Credential;
use integration_tests::file_server::{Behaviour, FileServer};
use integration_tests::peer::Peer;
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::program::{finish, run};
use integration_tests::token_issuer::{AUDIENCE, ISSUER, TokenIssuer};

use crate::place::Place;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client was let in, and its message acknowledged.
    Published,
    /// Either was not so.
    Refused,
}

/// A mosquitto client of MQTT 5 that trusts the fleet's broker.
fn mosquitto(peer: &Peer, place: &Place, credential: Option<&Credential>, args: &[&str]) -> Command {
    let mut command = peer.command();
    let port = place.broker().address().port().to_string();
    command.args(["-h", "localhost", "-p", &port, "-V", "mqttv5", "-q", "1", "--cafile"]);
    command.arg(place.fleet.file("broker-ca/root.pem"));
    if let Some(Credential { certificate, key }) = credential {
        command.arg("--cert").arg(certificate).arg("--key").arg(key);
    }
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// One message of `mosquitto_pub`. `None`: it is missing here.
pub(crate) fn publish(
    place: &Place,
    credential: Option<&Credential>,
    id: &str,
    topic: &str,
    more: &[&str],
) -> Option<Outcome> {
    let args = [&["-i", id, "-t", topic, "-m", "hello"], more].concat();
    let published = run(&mut mosquitto(&Peer::mosquitto_pub()?, place, credential, &args));
    let is_published = published.code == 0 && published.stderr.is_empty();
    Some(if is_published { Outcome::Published } else { Outcome::Refused })
}

/// A session of `mosquitto_sub` that has subscribed and waits. `None`: it is missing here.
fn subscribe(place: &Place, credential: &Credential, id: &str, topic: &str) -> Option<Child> {
    let subscriber = Peer::mosquitto_sub()?;
    let mark = place.broker().log().mark();
    let args = ["-i", id, "-t", topic, "-W", "30", "--nodelay"];
    let child = mosquitto(&subscriber, place, Some(credential), &args).spawn().expect("it starts");
    place.broker().log().line(mark, |line| line["event"] == "subscribe" && line["outcome"] == "allowed");
    Some(child)
}

/// Mutual: a client does not speak to a broker of another CA, as the broker does not to its.
#[test]
fn both_sides_are_verified_before_anything_is_said() {
    let Some(publisher) = Peer::mosquitto_pub() else { return };
    let place = Place::with_device().start();
    let (device, topic) = (place.client(), "devices/pump-1/telemetry/a");
    assert_eq!(publish(&place, Some(&device), "pump-1", topic, &[]), Some(Outcome::Published));
    let mark = place.broker().log().mark();
    let port = place.broker().address().port().to_string();
    let wary = run(publisher
        .command()
        .args(["-h", "localhost", "-p", &port, "-i", "pump-1", "-t", topic, "-m", "secret", "--cafile"])
        .arg(place.fleet.file("service-ca/root.pem"))
        .arg("--cert")
        .arg(&device.certificate)
        .arg("--key")
        .arg(&device.key));
    assert_ne!(wary.code, 0);
    assert_eq!(publish(&place, None, "pump-1", topic, &[]), Some(Outcome::Refused));
    let stranger = Forger::stranger(&place.fleet).certificate("pump-1");
    assert_eq!(publish(&place, Some(&stranger), "pump-1", topic, &[]), Some(Outcome::Refused));
    let lines = place.broker().log().lines(mark, 2, |line| line["outcome"] == "refused");
    let reasons: Vec<_> = lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    assert_eq!(reasons, ["no_certificate", "unknown_ca"]);
    assert!(lines.iter().all(|line| line["outcome"] != "allowed"), "nothing was said to the wary");
}

/// Missing and invalid certificates are two things, and each has its rule.
#[test]
fn rules_tell_missing_certificates_from_invalid_ones() {
    let place = Place::with_device();
    place.fleet.configure("mode = \"enforce\"", "mode = \"permissive\"");
    place.precede_policies(
        "[[policy]]\nname = \"nobody\"\nmatch = { verdict = \"NONE\" }\naction = \"quarantine\"\nclient-id = \"free\"\npublish = [\"lobby/none\"]\n\n\
         [[policy]]\nname = \"late\"\nmatch = { verdict = \"FAILED:expired\" }\naction = \"quarantine\"\nclient-id = \"free\"\npublish = [\"lobby/late\"]",
    );
    let insider = Forger::with_key_of(&place.fleet, "device-ca");
    let late = insider.altered("pump-1", |params| {
        params.not_before = now() - 30 * DAY;
        params.not_after = now() - DAY;
    });
    let stranger = Forger::stranger(&place.fleet).certificate("pump-1");
    let place = place.start();
    let proven = place.client();
    for (who, credential, open) in [
        ("no certificate", None, "lobby/none"),
        ("an ended one", Some(&late), "lobby/late"),
        ("a stranger's", Some(&stranger), ""),
        ("a device's", Some(&proven), "devices/pump-1/telemetry/a"),
    ] {
        for topic in ["lobby/none", "lobby/late", "devices/pump-1/telemetry/a"] {
            let wanted = if topic == open { Outcome::Published } else { Outcome::Refused };
            let Some(outcome) = publish(&place, credential, "pump-1", topic, &[]) else { return };
            assert_eq!(outcome, wanted, "{who}, {topic}");
        }
    }
}

#[test]
fn a_list_cuts_a_live_session_off_and_no_other() {
    let place = Place::with_device();
    let other = place.fleet.device("pump-2");
    let place = place.start();
    let topic = |id: &str| format!("devices/{id}/commands/#");
    let Some(stolen) = subscribe(&place, &place.client(), "pump-1", &topic("pump-1")) else { return };
    let Some(mut honest) = subscribe(&place, &other, "pump-2", &topic("pump-2")) else { return };
    let mark = place.broker().log().mark();
    place.fleet.revoke("pump-1");
    let closed = place.broker().log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!((&closed["identity"], &closed["reason"]), (&"pump-1".into(), &"revoked".into()));
    // It tries again at once, and is refused.
    assert_eq!(place.broker().log().refusal(mark)["reason"], "revoked");
    assert!(honest.try_wait().expect("a child can be asked").is_none(), "it did nothing wrong");
    for mut child in [stolen, honest] {
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
    }
}

/// A responder that says nothing of use: whoever must be vouched for is not let in, and is told so.
#[test]
fn a_responder_that_fails_keeps_out_whom_it_must_vouch_for() {
    let Some(publisher) = Peer::mosquitto_pub() else { return };
    let responder = FileServer::start(Behaviour::Fails(503));
    let place = Place::with_device();
    let keys = |mode: &str| format!("ocsp = \"{mode}\"\nocsp-allow = [\"{}\"]", responder.url(""));
    place.trust_devices_with(&keys("require"));
    let place = place.start();
    let args = ["-i", "pump-1", "-t", "devices/pump-1/telemetry/a", "-m", "hello"];
    let refused = run(&mut mosquitto(&publisher, &place, Some(&place.client()), &args));
    assert!(refused.code != 0 && refused.stderr.contains("Not authorized"), "{}", refused.stderr);
    assert_eq!(place.broker().log().refusal(Mark::START)["reason"], "ocsp_unavailable");
    place.fleet.configure(&keys("require"), &keys("prefer"));
    place.sh("countersign-broker reload --fleet fleet").stdout_of_success();
    let credential = place.client();
    assert_eq!(publish(&place, Some(&credential), "pump-1", args[3], &[]), Some(Outcome::Published));
}

/// Paho with a token of PyJWT as its password.
const PAHO: &str = r#"
import sys
import paho.mqtt.client as mqtt
port, ca, certificate, key, token = sys.argv[1:]
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="pump-1", protocol=mqtt.MQTTv5)
client.tls_set(ca, certificate, key)
client.username_pw_set("pump-1", token)
def connected(client, userdata, flags, reason, properties):
    print(reason.value)
    client.disconnect()
client.on_connect = connected
client.connect("localhost", int(port))
client.loop_forever(retry_first_connection=False)
"#;

#[test]
fn paho_gets_in_by_a_token_beside_its_certificate() {
    let Some(python) = Peer::python_with_paho() else { return };
    let place = Place::with_device();
    let Some(issuer) = TokenIssuer::beside(&place.fleet) else { return };
    fs::write(place.fleet.file("jwks.json"), issuer.key_set(&["k1"])).expect("a file");
    place.fleet.configure(
        "match = { trust = \"device-ca\" }",
        "match = { trust = \"device-ca\" }\nsecond-factor = \"token\"",
    );
    place.fleet.configure(
        "[identity]",
        &format!(
            "[second-factor.token]\nnamespace = \"device-ca\"\n\
             keys = \"jwks.json\"\nissuer = \"{ISSUER}\"\naudience = [\"{AUDIENCE}\"]\n\
             algorithms = [\"ES256\"]\n\n[identity]"
        ),
    );
    let place = place.start();
    let device = place.client();
    let connect = |token: &str| {
        let connecting = python
            .command()
            .args(["-c", PAHO, &place.broker().address().port().to_string()])
            .arg(place.fleet.file("broker-ca/root.pem"))
            .arg(&device.certificate)
            .arg(&device.key)
            .arg(token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python starts");
        finish(connecting).stdout_of_success()
    };
    assert_eq!(connect(&issuer.token("k1", "pump-1", 300)), "0\n");
    for token in [
        issuer.token("k1", "pump-2", 300),
        issuer.token("k1", "pump-1", -1),
        issuer.token("k2", "pump-1", 300),
        "a.b.c".to_owned(),
    ] {
        assert_eq!(connect(&token), format!("{}\n", 0x86), "{token}");
    }
}
