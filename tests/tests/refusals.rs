//! Refusals speak: to the client in an alert or a reason code, to the operator in the log, to whoever asks in `explain`.

#![forbid(unsafe_code)]

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::pki::{DAY, Forger, now};
use integration_tests::program::Programs;
use integration_tests::site::Site;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls::AlertDescription;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

#[track_caller]
fn explain(site: &Site, credential: &Credential, args: &[&str]) -> (i32, Value) {
    let certificate = credential.certificate.display().to_string();
    let explained = operate(&site.fleet, "explain", &[&["--json", "--cert", &certificate], args].concat());
    (explained.code, explained.json())
}

/// The holder of `credential` is refused in the handshake.
#[track_caller]
fn refused_in_the_handshake(
    site: &Site,
    what: &str,
    credential: &Credential,
    alert: AlertDescription,
    reason: &str,
) {
    let mark = site.broker.log().mark();
    let (_, heard) =
        Client::attempt(site.address(), &site.tls(credential), &Connect::new(Version::V5, "dev-1"));
    assert_eq!(heard, Heard::Alert(alert), "{what}");
    let line = site.broker.log().refusal(mark);
    assert_eq!(line["reason"], reason, "{what}: {line}");
    assert_eq!(line["event"], "handshake", "{what}: {line}");
    assert!(line["decision_id"].is_string() && line["evidence"].is_string(), "{what}: {line}");
    assert!(line["peer"].is_string(), "{what}: {line}");
    let (code, explained) = explain(site, credential, &[]);
    assert_eq!((code, explained["reason"].as_str()), (6, Some(reason)), "{what}: {explained}");
    assert_eq!(explained["allowed"], false, "{what}: {explained}");
}

#[test]
fn every_fault_of_a_certificate_has_its_alert_its_log_line_and_its_explanation() {
    let site = Site::new(PROGRAMS);
    let insider = Forger::with_key_of(&site.fleet, "device-ca");
    let namesake = Forger::named_like(&site.fleet, "device-ca");
    let stranger = Forger::stranger(&site.fleet);
    let [revoked, suspended] =
        <[Credential; 2]>::try_from(site.fleet.devices(&["dev-2", "dev-3"])).expect("two devices");
    let mark = site.broker.log().mark();
    site.fleet.revoke("dev-2");
    site.fleet.suspend("dev-3");
    site.broker
        .log()
        .line(mark, |line| line.to_string().contains("revocation list in force") && line["entries"] == 2);
    let broker = Credential {
        certificate: site.fleet.file("broker/cert.pem"),
        key: site.fleet.file("broker/key.pem"),
    };

    let with_usages = |usages: Vec<ExtendedKeyUsagePurpose>| {
        insider.altered("dev-1", |params| params.extended_key_usages = usages)
    };
    for (what, credential, alert, reason) in [
        ("a CA nobody knows", stranger.certificate("dev-1"), AlertDescription::UnknownCA, "unknown_ca"),
        ("the broker's own certificate", broker, AlertDescription::UnsupportedCertificate, "wrong_usage"),
        (
            "a CA of the right name with another key",
            namesake.certificate("dev-1"),
            AlertDescription::DecryptError,
            "bad_signature",
        ),
        (
            "a signature that is off by one bit",
            insider.with_broken_signature("dev-1"),
            AlertDescription::DecryptError,
            "bad_signature",
        ),
        (
            "a certificate that ended a minute ago",
            insider.altered("dev-1", |params| {
                params.not_before = now() - 30 * DAY;
                params.not_after = now() - DAY / (24 * 60);
            }),
            AlertDescription::CertificateExpired,
            "expired",
        ),
        (
            "a certificate that begins tomorrow",
            insider.altered("dev-1", |params| params.not_before = now() + DAY),
            AlertDescription::CertificateExpired,
            "not_yet_valid",
        ),
        (
            "a certificate for servers",
            with_usages(vec![ExtendedKeyUsagePurpose::ServerAuth]),
            AlertDescription::UnsupportedCertificate,
            "wrong_usage",
        ),
        (
            "a certificate for nothing in particular",
            with_usages(vec![]),
            AlertDescription::UnsupportedCertificate,
            "wrong_usage",
        ),
        (
            "a CA certificate",
            insider.altered("dev-1", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            AlertDescription::UnsupportedCertificate,
            "wrong_usage",
        ),
        (
            "a key that may not sign",
            insider.altered("dev-1", |params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]),
            AlertDescription::UnsupportedCertificate,
            "wrong_usage",
        ),
        (
            "a certificate that another device has signed",
            Forger::with_credential(&site.fleet, &site.device).certificate("dev-9"),
            // The anchor leaves no room for a CA below it, so what came along is not looked at.
            AlertDescription::UnknownCA,
            "unknown_ca",
        ),
        ("a revoked certificate", revoked, AlertDescription::CertificateRevoked, "revoked"),
        ("a suspended certificate", suspended, AlertDescription::CertificateRevoked, "suspended"),
    ] {
        refused_in_the_handshake(&site, what, &credential, alert, reason);
    }
    // Among all these, the good one.
    let (code, explained) = explain(&site, &site.device, &[]);
    assert_eq!((code, explained["identity"].as_str()), (0, Some("dev-1")), "{explained}");
    assert!(site.dev_1(Version::V5).is_alive());
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let site = Site::new(PROGRAMS);
    let thief = site.fleet.device("dev-2");
    let stolen = Credential { certificate: site.device.certificate.clone(), key: thief.key };
    let mark = site.broker.log().mark();
    let connect = Connect::new(Version::V5, "dev-1");
    let (_, heard) = Client::attempt(site.address(), &site.tls(&stolen), &connect);
    assert_eq!(heard, Heard::Alert(AlertDescription::DecryptError));
    assert_eq!(site.broker.log().refusal(mark)["reason"], "bad_signature");
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let site = Site::new(PROGRAMS);
    let mark = site.broker.log().mark();
    let connect = Connect::new(Version::V5, "dev-1");
    let (_, heard) = Client::attempt(site.address(), &Tls::new(&site.fleet, None), &connect);
    assert_eq!(heard, Heard::Alert(AlertDescription::CertificateRequired));
    let line = site.broker.log().refusal(mark);
    assert_eq!(
        (line["event"].as_str(), line["reason"].as_str()),
        (Some("handshake"), Some("no_certificate"))
    );
}

#[test]
fn what_tls_1_2_calls_no_certificate_is_refused_too() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("tls-versions = [\"1.3\"]", "tls-versions = [\"1.2\", \"1.3\"]");
    });
    let tls = |credential| Tls::with_versions(&site.fleet, credential, &[&rustls::version::TLS12]);
    assert!(
        Client::connect(site.address(), &tls(Some(&site.device)), &Connect::new(Version::V311, "dev-1"))
            .is_alive()
    );
    let mark = site.broker.log().mark();
    assert!(matches!(Client::dial(site.address(), &tls(None), Version::V5), Err(Heard::Alert(_))));
    assert_eq!(site.broker.log().refusal(mark)["reason"], "no_certificate");
}

#[test]
fn tls_1_2_is_not_spoken_unless_it_is_configured() {
    let site = Site::new(PROGRAMS);
    let tls = Tls::with_versions(&site.fleet, Some(&site.device), &[&rustls::version::TLS12]);
    let refused = Client::dial(site.address(), &tls, Version::V5);
    assert!(matches!(refused, Err(Heard::Alert(AlertDescription::ProtocolVersion))));
}

#[test]
fn a_denied_publish_is_answered_where_the_protocol_has_an_answer() {
    let site = Site::new(PROGRAMS);
    let denied = "devices/dev-2/telemetry/a";
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 2), 2);

    let mark = site.broker.log().mark();
    let mut five = site.dev_1(Version::V5);
    assert_eq!(five.publish(denied, "1"), 0x87);
    let line = site.broker.log().refusal(mark);
    assert_eq!((line["event"].as_str(), line["reason"].as_str()), (Some("publish"), Some("topic_denied")));
    assert_eq!((line["identity"].as_str(), line["topic"].as_str()), (Some("dev-1"), Some(denied)));
    assert_eq!((line["policy"].as_str(), line["client_id"].as_str()), (Some("devices"), Some("dev-1")));
    assert_eq!(five.publish_qos2(denied, "2"), 0x87);
    // QoS 0 has no answer: it is dropped and counted.
    five.publish_qos0(denied, "0");
    assert!(five.is_alive());
    let status = operate(&site.fleet, "status", &["--json"]).json();
    assert_eq!(status["counters"]["publishes_denied"], 3, "{status}");
    five.disconnect();

    // 3.1.1 has no negative acknowledgement: the policy of new fleets disconnects.
    for qos in 0..=2 {
        let mark = site.broker.log().mark();
        let mut three = site.dev_1(Version::V311);
        three.send(&mqtt::publish(Version::V311, denied, b"x", qos, false, 1));
        assert_eq!(three.hear(PATIENCE), Heard::Closed, "QoS {qos}");
        let line = site.broker.log().refusal(mark);
        assert_eq!(line["reason"], "topic_denied", "{line}");
    }
    assert!(backend.is_alive(), "nothing of all that was delivered");

    let (code, explained) = explain(&site, &site.device, &["--publish", denied]);
    assert_eq!((code, explained["reason"].as_str()), (6, Some("topic_denied")), "{explained}");
    let (code, explained) = explain(&site, &site.device, &["--publish", "devices/dev-1/telemetry/a"]);
    assert_eq!((code, &explained["reason"]), (0, &Value::Null), "{explained}");
}

#[test]
fn a_denied_publish_of_3_1_1_is_dropped_where_the_policy_says_so() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("denied-publish = \"disconnect\"", "denied-publish = \"drop\"");
    });
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 2), 2);
    let mut three = site.dev_1(Version::V311);
    three.publish_qos0("devices/dev-2/telemetry/a", "denied");
    assert_eq!(three.publish("devices/dev-2/telemetry/a", "denied"), 0);
    assert_eq!(three.publish_qos2("devices/dev-2/telemetry/a", "denied"), 0);
    assert_eq!(three.publish("devices/dev-1/telemetry/a", "allowed"), 0);
    assert_eq!(backend.receive().payload, "allowed");
}

#[test]
fn a_denied_subscription_is_answered_in_both_versions_and_the_session_goes_on() {
    let site = Site::new(PROGRAMS);
    let denied = "devices/dev-2/commands/#";
    for (version, code) in [(Version::V311, 0x80), (Version::V5, 0x87)] {
        let mark = site.broker.log().mark();
        let mut client = site.dev_1(version);
        assert_eq!(client.subscribe(denied, 1), code);
        let line = site.broker.log().refusal(mark);
        assert_eq!(
            (line["event"].as_str(), line["reason"].as_str()),
            (Some("subscribe"), Some("topic_denied"))
        );
        assert_eq!((line["identity"].as_str(), line["topic"].as_str()), (Some("dev-1"), Some(denied)));
        assert_eq!(client.subscribe("devices/dev-1/commands/#", 1), 1);
        client.disconnect();
    }
    let (code, explained) = explain(&site, &site.device, &["--subscribe", denied]);
    assert_eq!((code, explained["reason"].as_str()), (6, Some("topic_denied")), "{explained}");
}

#[test]
fn a_policy_that_denies_is_a_refusal_in_connack() {
    let site = Site::configured(PROGRAMS, |fleet| {
        let deny = "[[policy]]\nname = \"retired\"\nmatch = { identity = \"dev-1\" }\naction = \"deny\"\n\n";
        let first = "[[policy]]\nname = \"devices\"";
        fleet.configure(first, &format!("{deny}{first}"));
    });
    for (version, code) in [(Version::V311, 5), (Version::V5, 0x87)] {
        let mark = site.broker.log().mark();
        let (_, heard) =
            Client::attempt(site.address(), &site.tls(&site.device), &Connect::new(version, "dev-1"));
        match heard {
            Heard::Packet(packet) => {
                assert_eq!((packet.is(Kind::ConnAck), packet.reason_code()), (true, code));
            }
            heard => panic!("CONNACK was expected: {heard:?}"),
        }
        let line = site.broker.log().refusal(mark);
        assert_eq!(
            (line["event"].as_str(), line["reason"].as_str()),
            (Some("connect"), Some("policy_denied"))
        );
    }
    assert_eq!(explain(&site, &site.device, &[]).1["reason"], "policy_denied");
}

#[test]
fn explain_tells_the_future() {
    let site = Site::new(PROGRAMS);
    let after = |days: u32| ((now() + days * DAY).unix_timestamp()).to_string();
    for (days, reason) in [(0, None), (6, None), (9, Some("stale_crl")), (4000, Some("expired"))] {
        let (code, explained) = explain(&site, &site.device, &["--at", &after(days)]);
        assert_eq!(explained["reason"].as_str(), reason, "in {days} days: {explained}");
        assert_eq!(code, if reason.is_some() { 6 } else { 0 });
    }
}
