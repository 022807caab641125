//! Everything a client can grow has an end: who meets it is told, it is counted, nobody else notices, and what was taken
//! is given back.

#![forbid(unsafe_code)]

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::{Mark, operate};
use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

fn limited(limits: &str) -> Site {
    Site::configured(PROGRAMS, |fleet| fleet.limit(limits))
}

#[track_caller]
fn counter(site: &Site, name: &str) -> u64 {
    let status = operate(&site.fleet, "status", &["--json"]).json();
    status["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}: {status}"))
}

/// Waits for what the broker does by itself, soon.
#[track_caller]
fn soon(what: &str, mut happens: impl FnMut() -> bool) {
    let since = Instant::now();
    while !happens() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The broker ends a connection, and says why where the protocol has words for it.
#[track_caller]
fn ends(client: &mut Client, version: Version, code: u8) {
    match client.hear(PATIENCE) {
        Heard::Packet(packet) => {
            assert!(version == Version::V5 && packet.is(Kind::Disconnect), "{packet:?}");
            assert_eq!(packet.reason_code(), code, "{packet:?}");
            assert_eq!(client.hear(PATIENCE), Heard::Closed);
        }
        heard => assert_eq!((version, heard), (Version::V311, Heard::Closed)),
    }
}

#[track_caller]
fn refused_with(site: &Site, connect: &Connect, code: u8) {
    match Client::attempt(site.address(), &site.tls(&site.service), connect).1 {
        Heard::Packet(packet) if packet.is(Kind::ConnAck) => assert_eq!(packet.reason_code(), code),
        heard => panic!("CONNACK was expected: {heard:?}"),
    }
}

fn is_closed(mut socket: &TcpStream) -> bool {
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket option");
    match socket.read(&mut [0; 4096]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn connections_of_one_network_are_limited() {
    let site = limited("max-connections-per-address = 10\nmax-connections-per-prefix = 3");
    let tls = site.tls(&site.service);
    let mut device = site.dev_1(Version::V5);
    let silent = [0.0, 0.5].map(|part| Client::stall(site.address(), &tls, part));
    assert!(Client::dial(site.address(), &tls, Version::V5).is_err(), "the fourth is turned away");
    assert!(device.is_alive());
    assert_eq!(
        (counter(&site, "connections_limited"), counter(&site, "connections_limited_by_prefix")),
        (1, 1)
    );
    assert_eq!(counter(&site, "connections_limited_by_address"), 0);
    site.broker.log().line(Mark::START, |line| line["limit"] == "max-connections-per-prefix");
    drop(silent);
    soon("the places come back", || Client::dial(site.address(), &tls, Version::V5).is_ok());
}

#[test]
fn stalled_handshakes_do_not_occupy_the_only_handshake_slot() {
    let site = limited("max-handshakes = 1\nhandshake-timeout = \"60s\"");
    let tls = site.tls(&site.device);
    let stalled: Vec<_> = [0.0, 0.1, 0.9, 1.0]
        .into_iter()
        .cycle()
        .take(100)
        .map(|part| Client::stall(site.address(), &tls, part))
        .collect();
    let since = Instant::now();
    for _ in 0..5 {
        let mut device = site.dev_1(Version::V5);
        assert_eq!(device.publish("devices/dev-1/telemetry/a", "quick"), 0);
    }
    // The stalled ones have sixty seconds.
    assert!(since.elapsed() < Duration::from_secs(40), "{:?}", since.elapsed());
    assert!(!stalled.iter().any(is_closed), "they were all there meanwhile");
}

#[test]
fn connections_beyond_the_handshake_rate_wait_and_are_all_admitted() {
    let site = limited("max-handshakes-per-second = 10\nmax-handshakes = 1\nmax-sessions-per-identity = 100");
    let since = Instant::now();
    let mut visits = Vec::new();
    for number in 0..30 {
        let (address, tls) = (site.address(), site.tls(&site.service));
        let connect = Connect::new(Version::V5, &format!("backend/{number}"));
        visits.push(thread::spawn(move || Client::connect(address, &tls, &connect).is_alive()));
    }
    assert!(visits.into_iter().all(|visit| visit.join().expect("it is let in")));
    // Ten at once, and the others one after another; a little less, for those that came late.
    assert!(since.elapsed() > Duration::from_millis(1500), "{:?}", since.elapsed());
    assert!(counter(&site, "handshakes_paced") > 0);
    assert_eq!(counter(&site, "handshakes_limited"), 0);
}

#[test]
fn a_handshake_that_cannot_begin_in_time_is_refused_and_the_next_is_not() {
    let site = limited("max-handshakes-per-second = 1\nhandshake-timeout = \"2s\"");
    let tls = site.tls(&site.service);
    let waiting: Vec<_> = (0..8).map(|_| Client::stall(site.address(), &tls, 1.0)).collect();
    soon("they are turned away", || waiting.iter().all(is_closed));
    assert!(counter(&site, "handshakes_limited") >= 3);
    site.broker.log().line(Mark::START, |line| line["limit"] == "max-handshakes-per-second");
    assert!(site.dev_1(Version::V5).is_alive());
}

#[test]
fn an_identity_has_only_so_many_sessions() {
    let site = limited("max-sessions-per-identity = 2");
    let backend = |number: u8| Connect::new(Version::V5, &format!("backend/{number}"));
    let mut first = site.connect(&site.service, &backend(1));
    let second = site.connect(&site.service, &backend(2));
    refused_with(&site, &backend(3), 0x97);
    refused_with(&site, &Connect::new(Version::V311, "backend/3"), 3);
    assert_eq!((counter(&site, "sessions_limited"), counter(&site, "sessions_limited_by_identity")), (2, 2));
    assert!(first.is_alive() && site.dev_1(Version::V5).is_alive());
    second.disconnect();
    soon("the place comes back", || {
        let (_, heard) = Client::attempt(site.address(), &site.tls(&site.service), &backend(3));
        matches!(heard, Heard::Packet(packet) if packet.reason_code() == 0)
    });
}

#[test]
fn a_will_is_kept_only_if_it_is_short() {
    let site = limited("max-will-size = 1000\nmax-topic-length = 100");
    for version in Version::ALL {
        let connect =
            |topic: &str, length: usize| Connect::new(version, "backend/1").will(topic, &"x".repeat(length));
        let topic = "devices/dev-1/commands/a";
        assert!(site.connect(&site.service, &connect(topic, 800)).is_alive());
        refused_with(&site, &connect(topic, 1000), if version == Version::V5 { 0x97 } else { 3 });
        let long = format!("{topic}/{}", "x".repeat(100));
        refused_with(&site, &connect(&long, 1), if version == Version::V5 { 0x90 } else { 5 });
    }
    assert_eq!(counter(&site, "wills_limited"), 4);
}

#[test]
fn topics_and_filters_have_a_length() {
    let site = limited("max-topic-length = 40\nmax-topic-levels = 5");
    let mut witness = site.backend(Version::V5);
    let (long, deep) =
        (format!("devices/dev-1/telemetry/{}", "é".repeat(10)), "devices/dev-1/telemetry/a/b/c");
    for version in Version::ALL {
        for topic in [&long, deep] {
            let mut device = site.dev_1(version);
            device.send(&mqtt::publish(version, topic, b"x", 1, false, 1));
            ends(&mut device, version, 0x90);
        }
        let mut backend = site.connect(&site.service, &Connect::new(version, "backend/2"));
        let refused = if version == Version::V5 { 0x8F } else { 0x80 };
        assert_eq!(backend.subscribe(&long, 1), refused);
        assert_eq!(backend.subscribe(deep, 1), refused);
        assert_eq!(backend.subscribe("devices/dev-1/telemetry/a/b", 1), 1);
    }
    assert_eq!(counter(&site, "topics_limited"), 8);
    assert_eq!(witness.subscribe(&format!("devices/dev-1/telemetry/{}", "é".repeat(8)), 1), 1);
    assert!(site.dev_1(Version::V5).is_alive() && witness.is_alive());
}

#[test]
fn topic_aliases_packets_and_unreleased_messages_have_a_limit() {
    let site = limited("max-topic-aliases = 2\nmax-packet-size = 1000\nmax-inflight = 3");
    let mut witness = site.backend(Version::V5);
    let aliased = |alias: u8| {
        let topic = "devices/dev-1/telemetry/a";
        let body = [&[0, topic.len() as u8], topic.as_bytes(), &[3, 0x23, 0, alias], b"x"].concat();
        mqtt::frame(0x30, &body)
    };
    let mut device = site.dev_1(Version::V5);
    device.send(&aliased(1));
    device.send(&aliased(2));
    assert!(device.is_alive());
    device.send(&aliased(3));
    ends(&mut device, Version::V5, 0x94);
    assert_eq!(counter(&site, "topic_aliases_limited"), 1);
    for version in Version::ALL {
        let mut device = site.dev_1(version);
        device.send(&mqtt::publish(version, "devices/dev-1/telemetry/a", &[b'x'; 1000], 1, false, 1));
        ends(&mut device, version, 0x95);
        let mut device = site.dev_1(version);
        for id in 1..=3 {
            device.send(&mqtt::publish(version, "devices/dev-1/telemetry/a", b"x", 2, false, id));
            assert_eq!(device.expect(Kind::PubRec).reason_code(), 0);
        }
        device.send(&mqtt::acknowledge(0x62, 1));
        device.expect(Kind::PubComp);
        device.send(&mqtt::publish(version, "devices/dev-1/telemetry/a", b"x", 2, false, 4));
        assert_eq!(device.expect(Kind::PubRec).reason_code(), 0);
        device.send(&mqtt::publish(version, "devices/dev-1/telemetry/a", b"x", 2, false, 5));
        match version {
            Version::V5 => ends(&mut device, version, 0x93),
            // 3.1.1 knows no Receive Maximum, so nobody could have told it.
            Version::V311 => assert_eq!(device.expect(Kind::PubRec).reason_code(), 0),
        }
    }
    assert_eq!((counter(&site, "packets_limited"), counter(&site, "inflight_limited")), (2, 1));
    assert!(witness.is_alive());
}

#[test]
fn subscriptions_are_limited_and_an_unsubscribe_makes_room() {
    let site = limited("max-subscriptions = 2");
    let mut backend = site.backend(Version::V5);
    let filter = |number: u8| format!("devices/+/telemetry/{number}");
    assert_eq!([1, 2, 3].map(|number| backend.subscribe(&filter(number), 1)), [1, 1, 0x97]);
    assert_eq!(backend.subscribe(&filter(2), 0), 0, "one that it has may be changed");
    assert_eq!(counter(&site, "subscriptions_limited"), 1);
    backend.send(&mqtt::unsubscribe(Version::V5, &filter(1), 9));
    backend.expect(Kind::UnsubAck);
    assert_eq!(backend.subscribe(&filter(3), 1), 1);
}

#[test]
fn an_identity_retains_only_so_much_and_may_always_replace_and_clear_it() {
    let site = limited("max-retained-messages-per-identity = 2\nmax-retained-bytes-per-identity = 1000");
    let topic = |number: u8| format!("devices/dev-1/telemetry/{number}");
    let mut backend = site.backend(Version::V5);
    let mut device = site.dev_1(Version::V5);
    assert_eq!([1, 2].map(|number| device.publish_retained(&topic(number), "first")), [0, 0]);
    let mark = site.broker.log().mark();
    assert_eq!(backend.subscribe("devices/+/telemetry/3", 1), 1);
    assert_eq!(device.publish_retained(&topic(3), "too many"), 0x97);
    assert_eq!(device.publish_retained(&topic(1), &"x".repeat(900)), 0x97);
    assert_eq!(device.publish_retained(&topic(1), "again"), 0);
    device.send(&mqtt::publish(Version::V5, &topic(3), b"too many", 2, true, 77));
    assert_eq!(device.expect(Kind::PubRec).reason_code(), 0x97);
    assert_eq!(counter(&site, "retained_refused_by_identity"), 3);
    let line = site.broker.log().complaint(mark, "not retained");
    assert_eq!((line["identity"].as_str(), line["topic"].as_str()), (Some("dev-1"), Some(topic(3).as_str())));
    device.disconnect();

    // A client of 3.1.1 cannot be told: who listens gets the message, and it is not kept.
    let mut device = site.dev_1(Version::V311);
    assert_eq!(device.publish_retained(&topic(3), "delivered"), 0);
    assert_eq!(backend.receive().payload, "delivered", "what was refused was not delivered either");
    assert_eq!(counter(&site, "retained_refused"), 4);

    // Somebody else has a share of their own, and clearing gives back what was taken.
    assert_eq!(backend.publish_retained("devices/dev-1/commands/1", "kept"), 0);
    assert_eq!(device.publish_retained(&topic(1), ""), 0);
    assert_eq!(device.publish_retained(&topic(4), "kept"), 0);
    let mut late = site.connect(&site.service, &Connect::new(Version::V5, "backend/late"));
    assert_eq!(late.subscribe("devices/+/telemetry/#", 0), 0);
    let mut kept = [late.receive(), late.receive()].map(|message| message.topic);
    kept.sort();
    assert_eq!(kept, [topic(2), topic(4)]);
    assert!(late.is_alive(), "and nothing else");
}

#[test]
fn the_limit_of_all_retained_messages_counts_those_of_revoked_devices() {
    let site = Site::configured(PROGRAMS, |fleet| fleet.limit_all("max-retained-messages = 3"));
    let mut device = site.dev_1(Version::V5);
    for number in 0..3 {
        assert_eq!(device.publish_retained(&format!("devices/dev-1/telemetry/{number}"), "x"), 0);
    }
    site.fleet.revoke("dev-1");
    ends(&mut device, Version::V5, 0x98);
    let mut backend = site.backend(Version::V5);
    let command = "devices/dev-2/commands/a";
    assert_eq!(backend.publish_retained(command, "x"), 0x97, "a revoked device's are still there");
    assert_eq!((counter(&site, "retained_refused"), counter(&site, "retained_refused_by_identity")), (1, 0));
    assert!(backend.is_alive());
}

#[test]
fn a_client_that_is_away_or_slow_takes_no_queue_memory_from_one_that_keeps_up() {
    let site = Site::configured(PROGRAMS, |fleet| fleet.limit_all("max-queued-bytes = 100000"));
    let parked = |name: &str, filter: &str| {
        let mut client = site.connect(&site.service, &Connect::new(Version::V5, name).persistent());
        assert_eq!(client.subscribe(filter, 1), 1);
        client.disconnect();
    };
    parked("backend/hoarder", "devices/dev-1/telemetry/hoard");
    parked("backend/other", "devices/dev-1/telemetry/other");
    let mut present = site.connect(&site.service, &Connect::new(Version::V5, "backend/present"));
    assert_eq!(present.subscribe("devices/dev-1/telemetry/present", 1), 1);
    let mut device = site.dev_1(Version::V5);

    let mark = site.broker.log().mark();
    let long = "x".repeat(20_000);
    for _ in 0..6 {
        assert_eq!(device.publish("devices/dev-1/telemetry/hoard", &long), 0);
    }
    assert_eq!(device.publish("devices/dev-1/telemetry/other", &long), 0);
    soon("what finds no room is counted", || counter(&site, "dropped_memory_full") == 3);
    assert_eq!(counter(&site, "dropped_queue_full"), 3);
    let line = site.broker.log().complaint(mark, "messages are dropped");
    assert_eq!(line["identity"], "backend", "{line}");
    assert_eq!(line["topic"], "devices/dev-1/telemetry/hoard", "{line}");
    for number in 0..20 {
        assert_eq!(device.publish("devices/dev-1/telemetry/present", &number.to_string()), 0);
        assert_eq!(present.receive().payload, number.to_string());
    }

    let back = |name: &str| site.connect(&site.service, &Connect::new(Version::V5, name).persistent());
    let mut hoarder = back("backend/hoarder");
    for _ in 0..4 {
        assert_eq!(hoarder.receive().payload, long);
    }
    assert!(hoarder.is_alive());
    assert_eq!(device.publish("devices/dev-1/telemetry/other", &long), 0);
    soon("the message waits", || {
        operate(&site.fleet, "status", &["--json"]).json()["queued_bytes"].as_u64() > Some(20_000)
    });
    assert_eq!(back("backend/other").receive().payload, long);
    assert_eq!(counter(&site, "dropped_memory_full"), 3);
}

#[test]
fn publishers_wait_for_room_and_nothing_is_lost() {
    // Less than one message: they go one by one.
    let site = Site::configured(PROGRAMS, |fleet| fleet.limit_all("max-publishing-bytes = 1000"));
    let mut backend = site.backend(Version::V5);
    assert_eq!(backend.subscribe("devices/dev-1/telemetry/#", 1), 1);
    let mut device = site.dev_1(Version::V5);
    let long = "x".repeat(10_000);
    let packets: Vec<u8> = (1..=50)
        .flat_map(|id| mqtt::publish(Version::V5, "devices/dev-1/telemetry/a", long.as_bytes(), 1, false, id))
        .collect();
    device.send(&packets);
    for id in 1..=50 {
        assert_eq!(backend.receive().payload.len(), long.len());
        assert_eq!(device.expect(Kind::PubAck).id(), id);
    }
    assert!(counter(&site, "publishes_delayed") > 0);
}
