//! One judgement for every listener and transport; whether a certificate is demanded is a setting of each.

use std::time::Instant;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::http_caller::Caller;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::pki::Forger;
use integration_tests::site::Site;
use rustls::AlertDescription;

use crate::PROGRAMS;
use crate::visit::{NOTICED, is_cut_off};

/// A fleet with a listener for MQTT and one for HTTPS, with the same devices.
fn with_https() -> Fleet {
    let fleet = Fleet::new(PROGRAMS);
    fleet.configure("0.0.0.0:8883", "127.0.0.1:0");
    let https = "[[listener]]\naddress = \"127.0.0.1:0\"\ntransport = \"https\"\nserver-cert = \"broker/cert.pem\"\n\
                 server-key = \"broker/key.pem\"\n\n[[listener.trust]]\nname = \"device-ca\"\n\
                 anchors = [\"device-ca/issuing.pem\"]\ncrl = [\"crl/device-ca.crl\"]\n\n[identity]";
    fleet.configure("[identity]", https);
    fleet
}

const WHO_AM_I: &str = "/.well-known/countersign";

#[test]
fn the_list_is_enforced_on_every_transport() {
    let fleet = with_https();
    let (device, other) = (fleet.device("dev-1"), fleet.device("dev-2"));
    let broker = Broker::start_with_listeners(&fleet, 2);
    let (mqtt, https) = (broker.addresses()[0], broker.addresses()[1]);
    let connect = Connect::new(Version::V5, "dev-1");
    let mut session = Client::connect(mqtt, &Tls::new(&fleet, Some(&device)), &connect);
    let mut kept = Caller::dial(https, &fleet, Some(&device));
    assert_eq!(kept.get(WHO_AM_I, "").expect("an answer").status, 200);

    fleet.revoke("dev-1");
    is_cut_off(&mut session, Version::V5);
    // A connection that was there before has the next request refused, and a new one its handshake.
    // Each listener reads the list by itself.
    let begin = Instant::now();
    let refused = loop {
        let answer = kept.get(WHO_AM_I, "").expect("an answer");
        if answer.status != 200 {
            break answer;
        }
        assert!(begin.elapsed() < NOTICED, "{answer:?}");
    };
    assert_eq!((refused.status, &refused.json()["reason"]), (403, &"revoked".into()));
    for address in [mqtt, https] {
        let (_, heard) = Client::attempt(address, &Tls::new(&fleet, Some(&device)), &connect);
        assert_eq!(heard, Heard::Alert(AlertDescription::CertificateRevoked), "{address}");
    }
    let mut others = Caller::dial(https, &fleet, Some(&other));
    assert_eq!(others.get(WHO_AM_I, "").expect("an answer").json()["identity"], "dev-2");

    // The transport that this version has not is refused by name, and not served without a check.
    fleet.configure("transport = \"https\"", "transport = \"websocket\"");
    let checked = operate(&fleet, "check", &[]);
    assert!(checked.code == 3 && checked.stderr.contains("websocket"), "{}", checked.stderr);
}

/// What a client meets without a certificate, and with a stranger's.
fn without_a_good_certificate(broker: &Broker, fleet: &Fleet, credential: Option<&Credential>) -> String {
    let connect = Connect::new(Version::V5, "guest");
    match Client::attempt(broker.address(), &Tls::new(fleet, credential), &connect).1 {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => format!("{:#04x}", packet.reason_code()),
        Heard::Alert(alert) => format!("{alert:?}"),
        heard => format!("{heard:?}"),
    }
}

#[test]
fn a_certificate_is_demanded_or_asked_for_as_the_listener_says() {
    let lobby = "[[policy]]\nname = \"lobby\"\nmatch = { verdict = \"NONE\" }\naction = \"allow\"\nclient-id = \"free\"\n\
                 publish = [\"lobby/hello\"]\n\n[[policy]]\nname = \"devices\"";
    for (mode, policy, none, stranger) in [
        // Required.
        ("enforce", "", "CertificateRequired", "UnknownCA"),
        // Asked for, and nobody without one is allowed anything.
        ("permissive", "", "0x87", "0x87"),
        // Optional.
        ("permissive", lobby, "0x00", "0x87"),
    ] {
        let site = Site::configured(PROGRAMS, |fleet| {
            fleet.configure("mode = \"enforce\"", &format!("mode = \"{mode}\""));
            if !policy.is_empty() {
                fleet.configure("[[policy]]\nname = \"devices\"", policy);
            }
        });
        let forged = Forger::stranger(&site.fleet).certificate("dev-1");
        for (credential, outcome) in [(None, none), (Some(&forged), stranger)] {
            let met = without_a_good_certificate(&site.broker, &site.fleet, credential);
            assert_eq!(met, outcome, "{mode}, {credential:?}");
        }
        assert!(site.dev_1(Version::V5).is_alive(), "{mode}");
        if !policy.is_empty() {
            let connect = Connect::new(Version::V5, "guest");
            let mut guest = Client::connect(site.address(), &Tls::new(&site.fleet, None), &connect);
            assert_eq!(guest.publish("lobby/hello", "x"), 0);
            assert_eq!(guest.publish("devices/dev-1/telemetry/a", "x"), 0x87);
            // A reload that demands certificates ends it.
            site.fleet.configure("mode = \"permissive\"", "mode = \"enforce\"");
            operate(&site.fleet, "reload", &[]).stdout_of_success();
            assert!(matches!(guest.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));
        }
    }
}
