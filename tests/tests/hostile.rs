//! Packets that no honest client sends, and those that kill the engine's own broker: they end a connection at most.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{self, Connect, Kind, Version};
use integration_tests::program::Programs;
use integration_tests::site::Site;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// Well before any deadline: what is wrong is known at once.
const SOON: Duration = Duration::from_secs(5);

/// A site whose service `backend` may do anything, so that nothing is stopped by the policy.
fn permissive() -> Site {
    Site::configured(PROGRAMS, |fleet: &Fleet| {
        let devices = "[[policy]]\nname = \"devices\"";
        let everything = r##"[[policy]]
name = "everything"
match = { identity = "backend" }
action = "allow"
client-id = "must-start-with"
publish = ["#"]
subscribe = ["#", "$share/group/#"]
"##;
        fleet.configure(devices, &format!("{everything}\n{devices}"));
    })
}

fn backend(site: &Site, version: Version, number: usize) -> Client {
    site.connect(&site.service, &Connect::new(version, &format!("backend/{number}")))
}

/// Everything still works, for a device and a service, new and old.
#[track_caller]
fn all_is_well(site: &Site, witness: &mut Client, what: &str) {
    assert!(witness.is_alive(), "{what}");
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1, "{what}");
    assert_eq!(witness.publish("devices/dev-1/commands/a", what), 0, "{what}");
    assert_eq!(device.receive().payload, what);
    device.disconnect();
}

#[test]
fn a_malformed_packet_ends_its_connection_and_nothing_else() {
    let site = permissive();
    let mut witness = backend(&site, Version::V311, 0);
    for version in Version::ALL {
        let no_properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        let with_properties = |head: &[u8], tail: &[u8]| [head, no_properties, tail].concat();
        let connect = Connect::new(version, "dev-1").packet();
        for (what, packet) in [
            ("a packet of type 0", vec![0x00, 0]),
            ("a CONNACK", mqtt::frame(0x20, &with_properties(&[0, 0], &[]))),
            ("a SUBACK", mqtt::frame(0x90, &with_properties(&[0, 1], &[0]))),
            ("an UNSUBACK", mqtt::frame(0xB0, &with_properties(&[0, 1], &[0]))),
            ("a PINGRESP", vec![0xD0, 0]),
            ("a packet of type 15", vec![0xF0, 0]),
            ("a second CONNECT", connect),
            ("QoS 3", mqtt::frame(0x36, &with_properties(b"\0\x01a\0\x01", b"x"))),
            ("QoS 1 with packet id 0", mqtt::frame(0x32, &with_properties(b"\0\x01a\0\0", b"x"))),
            ("QoS 1 without a packet id", mqtt::frame(0x32, b"\0\x01a")),
            ("a topic longer than its packet", mqtt::frame(0x30, b"\xff\xffa")),
            ("a topic that is no UTF-8", mqtt::frame(0x30, &with_properties(b"\0\x02\xc3\x28", b"x"))),
            ("a PUBLISH without a topic", mqtt::frame(0x30, &[])),
            ("SUBSCRIBE with the wrong flags", mqtt::frame(0x80, &with_properties(&[0, 1], b"\0\x01a\0"))),
            ("SUBSCRIBE to nothing", mqtt::frame(0x82, &with_properties(&[0, 1], &[]))),
            ("SUBSCRIBE with packet id 0", mqtt::frame(0x82, &with_properties(&[0, 0], b"\0\x01a\0"))),
            ("SUBSCRIBE with QoS 3", mqtt::frame(0x82, &with_properties(&[0, 1], b"\0\x01a\x03"))),
            ("SUBSCRIBE with reserved bits", mqtt::frame(0x82, &with_properties(&[0, 1], b"\0\x01a\xc4"))),
            ("UNSUBSCRIBE from nothing", mqtt::frame(0xA2, &with_properties(&[0, 1], &[]))),
            ("a PUBREL with the wrong flags", mqtt::frame(0x60, &[0, 1])),
            ("a length of five bytes", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
            ("a packet of 256 MiB", vec![0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
        ] {
            let mut client = site.dev_1(version);
            client.send(&packet);
            match client.hear(PATIENCE) {
                Heard::Packet(packet) => {
                    assert!(version == Version::V5 && packet.is(Kind::Disconnect), "{what}: {packet:?}");
                    let code = packet.reason_code();
                    assert!(matches!(code, 0x81 | 0x82 | 0x90 | 0x95), "{version:?}, {what}: {code:#x}");
                    assert_eq!(client.hear(PATIENCE), Heard::Closed, "{version:?}, {what}");
                }
                heard => assert_eq!(heard, Heard::Closed, "{version:?}, {what}"),
            }
        }
        all_is_well(&site, &mut witness, "after malformed packets");
    }
}

#[test]
fn a_first_packet_that_is_no_valid_connect_ends_its_connection() {
    let site = permissive();
    let mut witness = backend(&site, Version::V311, 0);
    for (what, packet, code) in [
        ("PINGREQ", mqtt::PINGREQ.to_vec(), None),
        ("PUBLISH", mqtt::publish(Version::V311, "a", b"x", 0, false, 0), None),
        (
            "HTTP",
            format!("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {}\r\n\r\n", "x".repeat(60))
                .into_bytes(),
            None,
        ),
        ("zeros", vec![0; 64], None),
        ("another protocol", mqtt::frame(0x10, b"\0\x04AMQP\x04\x02\0\x3c\0\x05dev-1"), None),
        ("version 6", mqtt::frame(0x10, b"\0\x04MQTT\x06\x02\0\x3c\0\0\x05dev-1"), Some(1)),
        ("a reserved flag", mqtt::frame(0x10, b"\0\x04MQTT\x04\x03\0\x3c\0\x05dev-1"), None),
        ("a will that is not there", mqtt::frame(0x10, b"\0\x04MQTT\x04\x06\0\x3c\0\x05dev-1"), None),
        ("a will's QoS without a will", mqtt::frame(0x10, b"\0\x04MQTT\x04\x0a\0\x3c\0\x05dev-1"), None),
        ("the same in 5", mqtt::frame(0x10, b"\0\x04MQTT\x05\x0a\0\x3c\0\0\x05dev-1"), Some(0x81)),
        ("a password alone", mqtt::frame(0x10, b"\0\x04MQTT\x04\x42\0\x3c\0\x05dev-1\0\x01x"), None),
        (
            "authentication data without a method",
            mqtt::frame(0x10, b"\0\x04MQTT\x05\x02\0\x3c\x04\x16\0\x01x\0\x05dev-1"),
            Some(0x82),
        ),
        ("a client id that is no UTF-8", mqtt::frame(0x10, b"\0\x04MQTT\x04\x02\0\x3c\0\x02\xc3\x28"), None),
        ("no client id and no clean session", mqtt::frame(0x10, b"\0\x04MQTT\x04\0\0\x3c\0\0"), Some(2)),
        ("a packet of 256 MiB", vec![0x10, 0xFF, 0xFF, 0xFF, 0x7F], None),
    ] {
        let mut client = Client::dial(site.address(), &site.tls(&site.device), Version::V311)
            .expect("the handshake succeeds");
        let since = Instant::now();
        client.send(&packet);
        let mut heard = client.hear(PATIENCE);
        if let Some(code) = code {
            match heard {
                Heard::Packet(connack) => assert_eq!(connack.reason_code(), code, "{what}"),
                heard => panic!("{what}: {heard:?}"),
            }
            heard = client.hear(PATIENCE);
        }
        assert_eq!(heard, Heard::Closed, "{what}");
        assert!(since.elapsed() < SOON, "{what} took {:?}", since.elapsed());
    }
    all_is_well(&site, &mut witness, "after strange first packets");
}

#[test]
fn a_topic_that_starts_with_no_ascii_character_is_a_topic() {
    let site = permissive();
    let (mut one, mut two) = (backend(&site, Version::V5, 1), backend(&site, Version::V311, 2));
    for filter in ["#", "é/+", "+/x"] {
        assert_eq!(two.subscribe(filter, 0), 0);
    }
    assert_eq!(one.publish("é/x", "accent"), 0);
    assert_eq!(two.receive().topic, "é/x");
    let mut witness = backend(&site, Version::V5, 3);
    all_is_well(&site, &mut witness, "after an accent");
}

#[test]
fn properties_of_mqtt_5_do_not_harm_a_subscriber_of_3_1_1_that_comes_back() {
    let site = permissive();
    let mut publisher = backend(&site, Version::V5, 1);
    let lasting = Connect::new(Version::V311, "backend/2").persistent();
    let mut subscriber = site.connect(&site.service, &lasting);
    assert_eq!(subscriber.subscribe("a", 1), 1);
    // One user property: 0x26, then two texts.
    let publish = mqtt::frame(0x32, b"\0\x01a\0\x09\x07\x26\0\x01k\0\x01vproperties");
    for _ in 0..3 {
        publisher.send(&publish);
        assert_eq!(publisher.expect(Kind::PubAck).reason_code(), 0);
        assert_eq!(subscriber.expect(Kind::Publish).message().payload, "properties");
        drop(subscriber);
        publisher.send(&publish);
        assert_eq!(publisher.expect(Kind::PubAck).reason_code(), 0);
        subscriber = site.connect(&site.service, &lasting);
        assert!(subscriber.receive().duplicate);
        assert_eq!(subscriber.receive().payload, "properties");
    }
    let mut witness = backend(&site, Version::V311, 3);
    all_is_well(&site, &mut witness, "after properties");
}

#[test]
fn shared_subscriptions_are_for_whom_a_policy_names_and_ended_sessions_harm_nobody() {
    let site = permissive();
    let mut publisher = backend(&site, Version::V5, 0);
    for cycle in 0..10 {
        let version = Version::ALL[cycle % 2];
        let lasting = Connect::new(version, "backend/1").persistent();
        let mut member = site.connect(&site.service, &lasting);
        let denied = if version == Version::V5 { 0x87 } else { 0x80 };
        assert_eq!(member.subscribe("$share/another/t", 1), denied, "no policy names this group");
        assert_eq!(member.subscribe("$share/+/t", 1), denied, "a share name has no wildcards");
        assert_eq!(member.subscribe("$share/group/t", 1), 1);
        assert_eq!(publisher.publish("t", "never acknowledged"), 0);
        member.expect(Kind::Publish);
        drop(member);
        site.connect(&site.service, &Connect::new(version, "backend/1")).disconnect();
    }
    let (mut device, connack) = Client::connect_and_connack(
        site.address(),
        &site.tls(&site.device),
        &Connect::new(Version::V5, "dev-1"),
    );
    // Shared Subscription Available: no (MQTT 5 §3.2.2.3.13).
    assert!(connack.body().windows(2).any(|property| property == [0x2A, 0]), "{connack:?}");
    assert_eq!(device.subscribe("$share/group/devices/dev-1/commands/#", 1), 0x87);
    device.disconnect();
    all_is_well(&site, &mut publisher, "after shared subscriptions");
}

#[test]
fn subscribing_to_a_busy_topic_and_leaving_harms_nobody() {
    let site = permissive();
    let mut publisher = backend(&site, Version::V5, 0);
    for cycle in 0..60 {
        let mut subscriber = backend(&site, Version::ALL[cycle % 2], 1);
        assert_eq!(subscriber.subscribe("busy", 0), 0);
        for _ in 0..50 {
            publisher.publish_qos0("busy", "busy");
        }
        assert_eq!(subscriber.receive().payload, "busy");
        if cycle % 3 == 0 {
            subscriber.send(&mqtt::DISCONNECT);
        }
        drop(subscriber);
    }
    all_is_well(&site, &mut publisher, "after sixty subscribers");
}

#[test]
fn a_subscriber_that_reads_nothing_delays_nobody() {
    let site = permissive();
    let mut stalled = backend(&site, Version::V5, 1);
    let mut healthy = backend(&site, Version::V5, 2);
    assert_eq!(stalled.subscribe("flood", 0), 0);
    assert_eq!(healthy.subscribe("beat", 0), 0);
    let mut publisher = backend(&site, Version::V311, 3);
    let flood = "x".repeat(100 * 1024);
    for beat in 0..200 {
        publisher.publish_qos0("flood", &flood);
        if beat % 20 == 0 {
            publisher.publish_qos0("beat", &beat.to_string());
            assert_eq!(healthy.receive().payload, beat.to_string());
        }
    }
    assert!(publisher.is_alive());
    all_is_well(&site, &mut healthy, "beside a stalled subscriber");
    drop(stalled);
    std::thread::sleep(Duration::from_millis(100));
    all_is_well(&site, &mut healthy, "after a stalled subscriber");
}

#[test]
fn sessions_that_are_only_kept_take_no_place_from_others() {
    let site = Site::configured(PROGRAMS, |fleet| fleet.limit("max-connections = 4"));
    for number in 0..8 {
        let connect = Connect::new(Version::V5, &format!("backend/{number}")).persistent();
        // How many of its own sessions a service may keep is a matter of its own.
        if let (Some(mut parked), Heard::Packet(_)) =
            Client::attempt(site.address(), &site.tls(&site.service), &connect)
        {
            parked.subscribe("devices/+/status", 1);
            parked.disconnect();
        }
    }
    let mut device = site.dev_1(Version::V5);
    assert_eq!(device.subscribe("devices/dev-1/commands/#", 1), 1);
}
