//! What happens to connections, told to whoever may hear it.

#![forbid(unsafe_code)]

use integration_tests::broker::operate;
use integration_tests::client::{Client, Heard, Tls};
use integration_tests::mqtt::{Connect, DISCONNECT, Version};
use integration_tests::pki::Forger;
use integration_tests::program::Programs;
use integration_tests::site::Site;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// What services may subscribe to in a new fleet begins like this.
const SERVICES: &str = "subscribe = [\"devices/+/telemetry/#\"";

fn listening(also: &str) -> Site {
    Site::configured(PROGRAMS, |fleet| {
        fleet.configure(SERVICES, &SERVICES.replace('[', &format!("[{also}, ")));
    })
}

/// The next event: its topic, and what it says.
fn next(listener: &mut Client) -> (String, Value) {
    let message = listener.receive();
    (message.topic, serde_json::from_str(&message.payload).expect("JSON"))
}

#[test]
fn connections_of_known_clients_are_told_as_they_come_and_go() {
    let site = listening("\"countersign/events/#\"");
    let mut backend = site.backend(Version::V5);
    assert!(backend.subscribe("countersign/events/device-ca/#", 1) < 0x80);

    let mut device = site.dev_1(Version::V5);
    let (topic, event) = next(&mut backend);
    assert_eq!(topic, "countersign/events/device-ca/dev-1/connected");
    for (key, wanted) in [
        ("event", "connected"),
        ("namespace", "device-ca"),
        ("identity", "dev-1"),
        ("client_id", "dev-1"),
        ("policy", "devices"),
    ] {
        assert_eq!(event[key], wanted, "{event}");
    }
    let decision = event["decision_id"].as_str().expect("an id").to_owned();
    assert!(operate(&site.fleet, "sessions", &["--json"]).stdout.contains(&decision), "{decision}");

    device.send(&DISCONNECT);
    let (topic, event) = next(&mut backend);
    assert_eq!(topic, "countersign/events/device-ca/dev-1/disconnected");
    assert_eq!((&event["reason"], event["note"].is_string()), (&Value::Null, true), "{event}");

    // Proven, and refused for what it asks.
    let other = Connect::new(Version::V5, "dev-10");
    let (_, heard) = Client::attempt(site.address(), &site.tls(&site.device), &other);
    assert!(matches!(heard, Heard::Packet(packet) if packet.reason_code() == 0x85));
    let (topic, event) = next(&mut backend);
    assert_eq!(topic, "countersign/events/device-ca/dev-1/refused");
    assert_eq!((&event["reason"], &event["client_id"]), (&"client_id_mismatch".into(), &"dev-10".into()));

    // Cut off.
    let _device = site.dev_1(Version::V5);
    assert_eq!(next(&mut backend).1["event"], "connected");
    site.fleet.revoke("dev-1");
    let (_, event) = next(&mut backend);
    assert_eq!((&event["event"], &event["reason"]), (&"disconnected".into(), &"revoked".into()), "{event}");
}

#[test]
fn strangers_are_summed_by_network_and_reason() {
    let site = listening("\"countersign/events/-/-/refused\"");
    let mut backend = site.backend(Version::V5);
    assert!(backend.subscribe("countersign/events/-/-/refused", 1) < 0x80);
    let strangers = Forger::stranger(&site.fleet);
    for number in 0..7 {
        let credential = strangers.certificate(&format!("dev-{number}"));
        let tls = site.tls(&credential);
        let (_, heard) = Client::attempt(site.address(), &tls, &Connect::new(Version::V5, "x"));
        assert!(matches!(heard, Heard::Alert(_)), "{heard:?}");
    }
    let tls = Tls::new(&site.fleet, None);
    let (_, heard) = Client::attempt(site.address(), &tls, &Connect::new(Version::V5, "x"));
    assert!(matches!(heard, Heard::Alert(_)), "{heard:?}");
    // They may fall into two intervals.
    let (mut unknown, mut without) = (0, 0);
    while (unknown, without) != (7, 1) {
        let (topic, event) = next(&mut backend);
        assert_eq!(topic, "countersign/events/-/-/refused");
        assert_eq!((&event["network"], &event["seconds"]), (&"127.0.0.0/24".into(), &10.into()), "{event}");
        let count = event["count"].as_u64().expect("a number");
        match event["reason"].as_str() {
            Some("unknown_ca") => unknown += count,
            Some("no_certificate") => without += count,
            other => panic!("{other:?}"),
        }
        assert!(unknown <= 7 && without <= 1, "{event}");
    }
}

/// No wildcard stands for the broker's own level, and nobody publishes there.
#[test]
fn whoever_subscribes_to_everything_hears_no_events_and_nobody_makes_them() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(
            SERVICES,
            &SERVICES.replace('[', "[\"#\", \"$share/+/#\", \"countersign/events/device-ca/#\", "),
        );
        fleet.configure("publish = [\"devices/+/commands/#\"", "publish = [\"#\", \"devices/+/commands/#\"");
    });
    let mut backend = site.backend(Version::V5);
    for filter in ["#", "+/events/#", "+/+/+/+/connected"] {
        assert!(backend.subscribe(filter, 1) < 0x80, "{filter}");
    }
    for filter in
        ["countersign/#", "countersign/+/device-ca/#", "countersign/events/service-ca/#", "countersign"]
    {
        assert!(backend.subscribe(filter, 1) >= 0x80, "{filter}");
    }
    let mut device = site.dev_1(Version::V5);
    device.publish("devices/dev-1/telemetry/a", "1");
    let heard = backend.receive();
    assert_eq!(heard.topic, "devices/dev-1/telemetry/a", "the connection was not told");
    for topic in ["countersign/events/device-ca/dev-1/connected", "countersign", "countersign/x"] {
        assert_eq!(backend.publish(topic, "forged"), 0x87, "{topic}");
    }
    // Not by a group either, whose other members would lose them.
    for filter in ["$share/g/countersign/events/#", "$share/g/$SYS/#"] {
        assert!(backend.subscribe(filter, 1) >= 0x80, "{filter}");
    }
    assert!(backend.subscribe("$share/g/anything/#", 1) < 0x80);
    // Its neighbours are like all others.
    assert_eq!(backend.publish("countersigned/x", "x"), 0);
    assert_eq!(backend.receive().topic, "countersigned/x");
    // Now it asks for them.
    assert!(backend.subscribe("countersign/events/device-ca/+/disconnected", 1) < 0x80);
    drop(device);
    let (topic, event) = next(&mut backend);
    assert_eq!(
        (topic.as_str(), &event["event"]),
        ("countersign/events/device-ca/dev-1/disconnected", &"disconnected".into())
    );

    let publishing = "publish = [\"#\", \"devices/+/commands/#\"";
    site.fleet.configure(publishing, &publishing.replace("\"#\"", "\"countersign/events/#\""));
    let checked = operate(&site.fleet, "check", &[]);
    assert!(checked.code == 3 && checked.stderr.contains("nobody publishes to topics of the broker itself"));
}
