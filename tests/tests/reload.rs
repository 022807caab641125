//! A configuration that changes while the broker runs: `reload` and SIGHUP put it in force, or say why not.

#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use integration_tests::broker::{Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::program::{Finished, Programs};
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// The policies as a new fleet has them, with another line for devices.
const PUBLISH: &str = "publish = [\"devices/{device-id}/telemetry/#\", ";

fn reload(site: &Site) -> Finished {
    operate(&site.fleet, "reload", &[])
}

#[track_caller]
fn reloaded(site: &Site) {
    let finished = reload(site);
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "reloaded\n"), "{}", finished.stderr);
}

fn hang_up(site: &Site) {
    let signal = Command::new("kill").args(["-HUP", &site.broker.process_id().to_string()]).status();
    assert!(signal.expect("kill(1)").success());
}

/// Whether `client` may publish this: MQTT 5 is told.
fn may_publish(client: &mut Client, topic: &str) -> bool {
    client.send(&mqtt::publish(Version::V5, topic, b"x", 1, false, 7));
    match client.hear(PATIENCE) {
        Heard::Packet(packet) if packet.is(Kind::PubAck) => packet.reason_code() < 0x80,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_policy_is_in_force_when_reload_says_so_and_for_sessions_too() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    let (before, after) = ("devices/dev-1/telemetry/a", "measurements/dev-1/a");
    assert!(may_publish(&mut device, before) && !may_publish(&mut device, after));
    site.fleet.configure(PUBLISH, "publish = [\"measurements/{device-id}/#\", ");
    // Written, and not yet in force.
    assert!(may_publish(&mut device, before));
    reloaded(&site);
    assert!(!may_publish(&mut device, before) && may_publish(&mut device, after));
    for _ in 0..3 {
        let again = reload(&site);
        assert_eq!((again.code, again.stdout.as_str()), (0, "nothing had changed\n"));
    }
    // The same by a signal, back again; and the broker lives.
    site.fleet.configure("publish = [\"measurements/{device-id}/#\", ", PUBLISH);
    let mark = site.broker.log().mark();
    hang_up(&site);
    site.broker.log().line(mark, |line| line.to_string().contains("the configuration was read again"));
    let deadline = Instant::now() + Duration::from_secs(5);
    while !may_publish(&mut device, before) {
        assert!(Instant::now() < deadline, "the old policy is in force still");
    }
    assert!(site.dev_1(Version::V311).is_alive());
}

#[test]
fn a_session_that_the_new_policies_do_not_allow_ends_and_subscriptions_go() {
    let site = Site::new(PROGRAMS);
    let mut service = site.backend(Version::V5);
    let mut device = site.dev_1(Version::V5);
    service.send(&mqtt::subscribe(Version::V5, "devices/+/telemetry/#", 1, 3));
    assert!(matches!(service.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::SubAck)));
    assert!(may_publish(&mut device, "devices/dev-1/telemetry/a"));
    assert!(matches!(service.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Publish)));
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");

    // The service may subscribe to status alone: what it had subscribed to brings nothing more.
    let narrowed = text.replace("\"devices/+/telemetry/#\"", "\"devices/+/status\"");
    assert_ne!(narrowed, text);
    site.fleet.replace("broker.toml", narrowed.as_bytes());
    reloaded(&site);
    assert!(may_publish(&mut device, "devices/dev-1/telemetry/a"));
    assert!(matches!(service.hear(Duration::from_millis(300)), Heard::Silence));
    assert!(service.is_alive());
    let sessions = operate(&site.fleet, "sessions", &["--json"]).stdout;
    let sessions: Vec<serde_json::Value> = serde_json::from_str(&sessions).expect("an array");
    let backend = sessions.iter().find(|session| session["identity"] == "backend").expect("it is there");
    assert_eq!(backend["subscriptions"], 0, "{backend}");

    // Devices are denied.
    let denied = text.replacen("action = \"allow\"", "action = \"deny\"", 1);
    assert_ne!(denied, text);
    site.fleet.replace("broker.toml", denied.as_bytes());
    let mark = site.broker.log().mark();
    reloaded(&site);
    let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "policy_denied", "{closed}");
    assert!(matches!(device.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));

    // And are let in again.
    site.fleet.replace("broker.toml", text.as_bytes());
    reloaded(&site);
    assert!(site.dev_1(Version::V5).is_alive());
}

#[test]
fn a_trust_that_is_gone_ends_its_sessions_and_a_new_one_lets_in() {
    let site = Site::new(PROGRAMS);
    let (mut device, mut service) = (site.dev_1(Version::V5), site.backend(Version::V5));
    let anchor = fs::read(site.fleet.file("device-ca/issuing.pem")).expect("an anchor");
    let other = integration_tests::pki::self_signed("Other CA", |_| ());
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let unchecked = text.replacen("crl = [\"crl/device-ca.crl\"]", "", 1).replacen(
        "crl-check = \"leaf\"",
        "crl-check = \"off\"",
        1,
    );
    assert_ne!(unchecked, text);
    site.fleet.replace("broker.toml", unchecked.as_bytes());
    reloaded(&site);
    assert!(device.is_alive(), "its CA is still there");
    site.fleet.replace("device-ca/issuing.pem", other.as_bytes());
    let mark = site.broker.log().mark();
    reloaded(&site);
    let closed = site.broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "unknown_ca", "{closed}");
    assert!(matches!(device.hear(PATIENCE), Heard::Packet(packet) if packet.is(Kind::Disconnect)));
    assert!(service.is_alive());
    site.fleet.replace("device-ca/issuing.pem", &anchor);
    reloaded(&site);
    assert!(site.dev_1(Version::V5).is_alive());
}

/// What is broken, or needs a restart, changes nothing, is named, and stands in the status until it is put right.
#[test]
fn a_configuration_that_cannot_be_in_force_changes_nothing() {
    let site = Site::new(PROGRAMS);
    let mut device = site.dev_1(Version::V5);
    let text = fs::read_to_string(site.fleet.file("broker.toml")).expect("the configuration");
    let policy = PUBLISH.replace("telemetry", "changed");
    let changed = text.replace(PUBLISH, &policy);
    assert_ne!(changed, text);
    for (what, broken, words) in [
        ("no TOML", changed.clone() + "\n[[policy", "broker.toml:"),
        ("an unknown key", changed.replacen("action", "acton", 1), "acton"),
        (
            "an anchor that is not there",
            changed.replace("device-ca/issuing.pem", "device-ca/none.pem"),
            "none.pem",
        ),
        (
            "another address",
            changed.replace("0.0.0.0:8883", "0.0.0.0:8884"),
            "restart: address of [[listener]] 1",
        ),
        ("other limits", changed.clone() + "\n[limits]\nmax-retained-messages = 7\n", "restart: [limits]"),
        (
            "another certificate file",
            changed.replace("broker/cert.pem", "broker/other.pem"),
            "restart: server-cert of [[listener]] 1",
        ),
    ] {
        assert_ne!(broken, changed, "{what}");
        site.fleet.replace("broker.toml", broken.as_bytes());
        let refused = reload(&site);
        assert_eq!(refused.code, 3, "{what}: {}", refused.stdout);
        assert!(refused.stderr.contains(words), "{what}: {}", refused.stderr);
        let status = operate(&site.fleet, "status", &[]).stdout;
        assert!(status.contains("reload refused"), "{what}: {status}");
        let mark = site.broker.log().mark();
        hang_up(&site);
        site.broker.log().complaint(mark, "the configuration is refused, the present one stays in force");
        assert!(may_publish(&mut device, "devices/dev-1/telemetry/a"), "{what}");
        // A newer list is not kept back.
        if what == "no TOML" {
            let mark: Mark = site.broker.log().mark();
            site.fleet.provision(&["crl"]);
            site.broker.log().line(mark, |line| line.to_string().contains("revocation list in force"));
        }
    }
    site.fleet.replace("broker.toml", changed.as_bytes());
    reloaded(&site);
    assert!(!operate(&site.fleet, "status", &[]).stdout.contains("reload refused"));
    assert!(!may_publish(&mut device, "devices/dev-1/telemetry/a"));
    assert!(site.connect(&site.device, &Connect::new(Version::V5, "dev-1")).is_alive());
}
