//! The agent of microcontrollers against `countersign-broker`: images as the factory makes them, devices in number,
//! and what becomes of them when the factory or the network changes its mind.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Mark};
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Kind, Message, Version, acknowledge};
use integration_tests::program::Programs;
use integration_tests::simulated::Simulated;
use integration_tests::site::Site;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// The ten minutes of the refused, in milliseconds.
const TEN_MINUTES: u64 = 600_000;

fn image(fleet: &Fleet, device: &str) -> PathBuf {
    fleet.file("images").join(format!("{device}.bin"))
}

/// `dev-1` of `site`, in session.
fn dev_1(site: &Site) -> Simulated {
    let device = Simulated::start(PROGRAMS, &image(&site.fleet, "dev-1"), site.address(), "0");
    device.turns(Mark::START, "dev-1", "online");
    device
}

/// The next message that is `wanted`, acknowledged, as all before it.
fn hear(client: &mut Client, wanted: impl Fn(&Message) -> bool) -> Message {
    loop {
        let message = client.receive();
        if wanted(&message) {
            return message;
        }
    }
}

#[test]
fn fifty_devices_count_and_the_service_hears_every_number_in_order() {
    let fleet = Fleet::new(PROGRAMS);
    let ids: Vec<String> = (1..=50).map(|number| format!("pump-{number:02}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    fleet.devices(&names);
    let service = fleet.service("backend");
    let site = Site { broker: Broker::start(&fleet), device: fleet.device("dev-1"), service, fleet };
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);

    let devices = Simulated::start(PROGRAMS, &site.fleet.file("images"), site.address(), "5");
    for id in &names {
        devices.turns(Mark::START, id, "online");
    }
    // Long enough for each to say something in session; what they say before the end is all counted.
    thread::sleep(Duration::from_secs(1));
    let listener = thread::spawn(move || {
        let mut heard: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        loop {
            match backend.hear(Duration::from_secs(3)) {
                Heard::Packet(packet) if packet.is(Kind::Publish) => {
                    let message = packet.message();
                    backend.send(&acknowledge(0x40, message.id));
                    let number = message.payload.parse().unwrap();
                    heard.entry(message.topic).or_default().push(number);
                }
                Heard::Packet(_) => {}
                Heard::Silence => return heard,
                other => panic!("{other:?}"),
            }
        }
    });
    thread::sleep(Duration::from_secs(1));
    let (finished, summary) = devices.leave();
    let heard = listener.join().unwrap();

    assert_eq!(finished.code, 0, "{summary}");
    assert_eq!(
        (&summary["devices"], &summary["online"], &summary["attempts"]),
        (&51.into(), &51.into(), &51.into())
    );
    assert_eq!(summary["published"], summary["acknowledged"], "{summary}");
    assert_eq!(summary["acknowledge"]["count"], summary["acknowledged"], "{summary}");
    assert_eq!(heard.len(), 51);
    for (topic, numbers) in &heard {
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "{topic}: {numbers:?}");
    }
    let count: usize = heard.values().map(Vec::len).sum();
    assert_eq!(summary["published"], count, "{summary}");
    assert!(count > 51, "{count}");
}

#[test]
fn a_revoked_device_is_refused_with_the_reason_and_stays_away_while_the_others_notice_nothing() {
    let site = Site::new(PROGRAMS);
    site.fleet.devices(&["dev-2", "dev-3"]);
    let devices = Simulated::start(PROGRAMS, &site.fleet.file("images"), site.address(), "2");
    for id in ["dev-1", "dev-2", "dev-3"] {
        devices.turns(Mark::START, id, "online");
    }
    let mark = devices.log().mark();
    site.fleet.revoke("dev-2");
    let change = devices.turns(mark, "dev-2", "refused");
    assert_eq!(change["cause"], "disconnect", "{change}");
    assert!(change["detail"].as_str().unwrap().contains("0x98"), "{change}");
    assert!(change["retry_in_ms"].as_u64().unwrap() >= TEN_MINUTES, "{change}");

    // Switched off and on again it gets no further, and waits as long.
    let again = Simulated::start(PROGRAMS, &image(&site.fleet, "dev-2"), site.address(), "2");
    let change = again.turns(Mark::START, "dev-2", "refused");
    assert_eq!(change["cause"], "closed_before_connack", "{change}");
    assert!(change["retry_in_ms"].as_u64().unwrap() >= TEN_MINUTES, "{change}");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(again.changes(Mark::START, "connecting"), 1, "{}", again.log());
    let (finished, summary) = again.leave();
    assert_eq!(
        (finished.code, &summary["refused"], &summary["sessions"]),
        (1, &1.into(), &0.into()),
        "{summary}"
    );

    assert_eq!(
        devices.changes(mark, "offline") + devices.changes(mark, "connecting"),
        0,
        "{}",
        devices.log()
    );
    let (finished, summary) = devices.leave();
    assert_eq!(
        (finished.code, &summary["online"], &summary["refused"]),
        (1, &2.into(), &1.into()),
        "{summary}"
    );
}

#[test]
fn a_suspended_device_is_refused_until_it_is_resumed() {
    let site = Site::new(PROGRAMS);
    let device = dev_1(&site);
    let mark = device.log().mark();
    site.fleet.suspend("dev-1");
    assert_eq!(device.turns(mark, "dev-1", "refused")["cause"], "disconnect");
    device.power_cut();
    let start = || Simulated::start(PROGRAMS, &image(&site.fleet, "dev-1"), site.address(), "0");
    start().turns(Mark::START, "dev-1", "refused");

    site.fleet.resume("dev-1");
    let resumed = Instant::now();
    // The broker reads the new list within a second; whoever was quicker than that is switched on once more.
    let device = loop {
        let device = start();
        let decided = |line: &Value| line["state"] == "online" || line["state"] == "refused";
        if device.log().line(Mark::START, decided)["state"] == "online" {
            break device;
        }
        assert!(resumed.elapsed() < PATIENCE, "still refused: {}", device.log());
    };
    assert_eq!(device.leave().0.code, 0);
}

#[test]
fn a_device_that_the_broker_knows_by_another_name_is_refused_and_reports_the_reason_code() {
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure("device-id = \"{CN}\"", "device-id = \"plant-{CN}\"");
    });
    let device = Simulated::start(PROGRAMS, &image(&site.fleet, "dev-1"), site.address(), "1");
    let change = device.turns(Mark::START, "dev-1", "refused");
    assert_eq!(change["cause"], "connack", "{change}");
    assert!(change["detail"].as_str().unwrap().contains("0x85"), "{change}");
    assert!(change["retry_in_ms"].as_u64().unwrap() >= TEN_MINUTES, "{change}");
    assert_eq!(site.broker.log().refusal(Mark::START)["reason"], "client_id_mismatch");
}

#[test]
fn a_device_of_an_unknown_ca_is_refused_before_it_has_a_session() {
    let stranger = Fleet::new(PROGRAMS);
    let site = Site::configured(PROGRAMS, |fleet| {
        for file in ["device-ca/issuing.pem", "crl/device-ca.crl"] {
            fleet.replace(file, &fs::read(stranger.file(file)).unwrap());
        }
    });
    let device = Simulated::start(PROGRAMS, &image(&site.fleet, "dev-1"), site.address(), "1");
    let change = device.turns(Mark::START, "dev-1", "refused");
    assert_eq!(change["cause"], "closed_before_connack", "{change}");
    assert!(change["retry_in_ms"].as_u64().unwrap() >= TEN_MINUTES, "{change}");
    let refusal = site.broker.log().refusal(Mark::START);
    assert!(refusal["reason"] == "unknown_ca" || refusal["reason"] == "bad_signature", "{refusal}");
}

#[test]
fn a_broker_of_another_fleet_is_not_sent_the_certificate_of_a_device() {
    let foreign = Site::new(PROGRAMS);
    let fleet = Fleet::new(PROGRAMS);
    fleet.device("dev-1");
    let device = Simulated::start(PROGRAMS, &image(&fleet, "dev-1"), foreign.address(), "1");
    let change = device.turns(Mark::START, "dev-1", "offline");
    assert_eq!(change["cause"], "broker_not_trusted", "{change}");
    let (finished, summary) = device.leave();
    assert_eq!((finished.code, &summary["sessions"]), (1, &0.into()), "{summary}");
    // It has seen no certificate: nobody's name is in what it says of the end of the handshake.
    let log = foreign.broker.log().since(Mark::START);
    assert!(!log.iter().any(|line| line["identity"] == "dev-1" || line["device_id"] == "dev-1"), "{log:?}");
}

#[test]
fn commands_are_done_and_answered_also_those_that_came_while_the_device_was_off() {
    let site = Site::new(PROGRAMS);
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
    assert_eq!(backend.subscribe("devices/+/status", 1), 1);
    let device = dev_1(&site);
    // It says so when it has asked for its commands.
    hear(&mut backend, |message| message.payload == "online");
    assert_eq!(backend.publish("devices/dev-1/commands/1", "open"), 0);
    let result = hear(&mut backend, |message| message.topic.ends_with("/telemetry/commands/1"));
    assert_eq!(result.payload, "done: open");
    device.power_cut();
    hear(&mut backend, |message| message.payload == "offline");

    assert_eq!(backend.publish("devices/dev-1/commands/valve/2", "close"), 0);
    let device = dev_1(&site);
    let result = hear(&mut backend, |message| message.topic.ends_with("/telemetry/commands/valve/2"));
    assert_eq!(result.payload, "done: close");
    let (finished, summary) = device.leave();
    assert_eq!((finished.code, &summary["commands_obeyed"]), (0, &1.into()), "{summary}");
}

#[test]
fn the_status_topic_says_at_any_time_whether_a_device_is_connected() {
    let site = Site::new(PROGRAMS);
    let device = dev_1(&site);
    let status = || {
        let mut backend = site.backend(Version::V5);
        assert_eq!(backend.subscribe("devices/+/status", 1), 1);
        backend
    };
    let mut backend = status();
    let is = |backend: &mut Client, word: &str| hear(backend, |message| message.payload == word);
    let first = is(&mut backend, "online");
    assert!(first.topic == "devices/dev-1/status", "{first:?}");
    device.power_cut();
    is(&mut backend, "offline");
    // Whoever comes later is told the same, for it is retained.
    assert!(is(&mut status(), "offline").retain);

    let mut backend = status();
    let device = dev_1(&site);
    is(&mut backend, "online");
    assert_eq!(device.leave().0.code, 0);
    is(&mut backend, "offline");
}

#[test]
fn when_the_broker_is_restarted_everybody_comes_back_and_nothing_is_lost() {
    let fleet = Fleet::new(PROGRAMS);
    fleet.devices(&["dev-1", "dev-2", "dev-3", "dev-4", "dev-5"]);
    let broker = Broker::start(&fleet);
    let address: SocketAddr = broker.address();
    let devices = Simulated::start(PROGRAMS, &fleet.file("images"), address, "2");
    let everybody = |mark, state: &str| {
        for number in 1..=5 {
            devices.turns(mark, &format!("dev-{number}"), state);
        }
    };
    everybody(Mark::START, "online");
    let mark = devices.log().mark();
    broker.terminate();
    assert_eq!(broker.wait(), 0);
    everybody(mark, "offline");
    let change = devices.turns(mark, "dev-1", "offline");
    assert_eq!(change["cause"], "disconnect", "{change}");

    let mark = devices.log().mark();
    let _broker = Broker::start_on_port(&fleet, address.port());
    let back = PATIENCE * 3;
    let deadline = Instant::now() + back;
    while devices.changes(mark, "online") < 5 {
        assert!(Instant::now() < deadline, "{}", devices.log());
        thread::sleep(Duration::from_millis(50));
    }
    let (finished, summary) = devices.leave();
    assert_eq!(finished.code, 0, "{summary}");
    assert_eq!((&summary["online"], &summary["no_room"]), (&5.into(), &0.into()), "{summary}");
    assert_eq!(summary["published"], summary["acknowledged"], "{summary}");
}
