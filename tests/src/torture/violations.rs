//! What no client may do.

use super::actions::ALIASES;
use super::clients::Part;
use super::packet::{Opening, Properties, Publish};
use super::random::Dice;
use crate::mqtt::{self, PINGREQ, Version, frame, length, text};

/// Something that a broker must end the connection for.
pub(super) struct Fatal {
    pub(super) what: &'static str,
    pub(super) packets: Vec<Vec<u8>>,
    /// Whether a part of it is legal, and leaves something in the session.
    pub(super) leaves_a_mark: bool,
}

/// A breach of the protocol (MQTT 5 §4.13: Malformed Packet, Protocol Error).
pub(super) fn fatal(dice: &mut Dice, version: Version, part: &Part) -> Fatal {
    let mut crimes = of_both_versions(version, part);
    crimes.extend(match version {
        Version::V311 => of_3_1_1(),
        Version::V5 => of_5(&allowed_topic(dice, part)),
    });
    // 3.1.1 knows no Receive Maximum, and its clients cannot be told of one.
    if version == Version::V5 && dice.one_in(10) {
        return overrun(dice, version, part);
    }
    let (what, packet) = crimes.swap_remove(dice.within(0..crimes.len()));
    Fatal { what, packets: vec![packet], leaves_a_mark: false }
}

fn allowed_topic(dice: &mut Dice, part: &Part) -> String {
    loop {
        let chosen = part.topic(dice);
        if chosen.allowed {
            return chosen.text;
        }
    }
}

/// More unreleased QoS 2 messages than the broker takes: its Receive Maximum is 64.
fn overrun(dice: &mut Dice, version: Version, part: &Part) -> Fatal {
    let topic = allowed_topic(dice, part);
    let packets = (42_001..42_101).map(|id| Publish::new(&topic, "overrun", 2, id).packet(version)).collect();
    Fatal { what: "receive maximum overrun", packets, leaves_a_mark: true }
}

type Crimes = Vec<(&'static str, Vec<u8>)>;

fn of_both_versions(version: Version, part: &Part) -> Crimes {
    let no_properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let with = |head: &[u8], tail: &[u8]| [head, no_properties, tail].concat();
    vec![
        ("type 0", vec![0x00, 0]),
        ("CONNACK (K5)", frame(0x20, &with(&[0, 0], &[]))),
        ("SUBACK", frame(0x90, &with(&[0, 1], &[0]))),
        ("UNSUBACK (K5)", frame(0xB0, &with(&[0, 1], &[0]))),
        ("PINGRESP", vec![0xD0, 0]),
        ("AUTH", vec![0xF0, 0]),
        ("AUTH with a reason", frame(0xF0, &[0x18, 0])),
        ("second CONNECT", Opening::new(version, &part.client_id).packet()),
        ("QoS 3", frame(0x36, &with(b"\0\x01a\0\x01", b"x"))),
        ("QoS 1 with id 0", frame(0x32, &with(b"\0\x01a\0\0", b"x"))),
        ("QoS 2 without an id", frame(0x34, b"\0\x01a")),
        ("topic longer than its packet", frame(0x30, b"\xff\xffa")),
        ("topic with a surrogate", frame(0x30, &with(b"\0\x03\xed\xa0\x80", b"x"))),
        ("topic that is no UTF-8", frame(0x30, &with(b"\0\x02\xc3\x28", b"x"))),
        ("PUBLISH of nothing", frame(0x30, &[])),
        ("PUBLISH without a topic", frame(0x30, &with(&[0, 0], b"x"))),
        ("SUBSCRIBE with wrong flags", frame(0x80, &with(&[0, 1], b"\0\x01a\0"))),
        ("SUBSCRIBE to nothing", frame(0x82, &with(&[0, 1], &[]))),
        ("SUBSCRIBE with id 0", frame(0x82, &with(&[0, 0], b"\0\x01a\0"))),
        ("SUBSCRIBE with QoS 3", frame(0x82, &with(&[0, 1], b"\0\x01a\x03"))),
        ("SUBSCRIBE without options", frame(0x82, &with(&[0, 1], b"\0\x01a"))),
        ("SUBSCRIBE to no UTF-8", frame(0x82, &with(&[0, 1], b"\0\x02\xc3\x28\0"))),
        ("UNSUBSCRIBE with wrong flags", frame(0xA0, &with(&[0, 1], b"\0\x01a"))),
        ("UNSUBSCRIBE from nothing", frame(0xA2, &with(&[0, 1], &[]))),
        ("UNSUBSCRIBE with id 0", frame(0xA2, &with(&[0, 0], b"\0\x01a"))),
        ("PUBACK with wrong flags", frame(0x41, &[0, 1])),
        ("PUBACK with id 0", frame(0x40, &[0, 0])),
        ("PUBACK of one byte", frame(0x40, &[1])),
        ("PUBREL with wrong flags", frame(0x60, &[0, 1])),
        ("PUBREL with id 0", frame(0x62, &[0, 0])),
        ("PUBCOMP of nothing", frame(0x70, &[])),
        ("PINGREQ with wrong flags", vec![0xC1, 0]),
        ("PINGREQ with content", frame(0xC0, b"x")),
        ("DISCONNECT with wrong flags", vec![0xE1, 0]),
        ("length of five bytes", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
        ("packet of 256 MiB", vec![0x30, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("packet over the limit", [vec![0x30], length(256 * 1024 + 1)].concat()),
    ]
}

fn of_3_1_1() -> Crimes {
    vec![
        ("PUBACK with a reason in 3.1.1", frame(0x40, &[0, 1, 0])),
        ("UNSUBSCRIBE from the empty filter in 3.1.1", frame(0xA2, b"\0\x01\0\0")),
        ("SUBSCRIBE with options in 3.1.1", frame(0x82, b"\0\x01\0\x01a\x04")),
        ("DISCONNECT with content in 3.1.1", frame(0xE0, &[0])),
    ]
}

fn of_5(topic: &str) -> Crimes {
    let publish = |properties: Properties| {
        Publish { properties, ..Publish::new(topic, "x", 1, 42_000) }.packet(Version::V5)
    };
    let none = Properties::default;
    let no_topic = |alias: u16| {
        Publish { properties: none().two(0x23, alias), ..Publish::new("", "x", 0, 0) }.packet(Version::V5)
    };
    vec![
        ("payload format twice", publish(none().byte(0x01, 1).byte(0x01, 1))),
        ("payload format 2", publish(none().byte(0x01, 2))),
        ("message expiry twice", publish(none().four(0x02, 9).four(0x02, 9))),
        ("content type twice", publish(none().text(0x03, "a").text(0x03, "a"))),
        ("response topic twice", publish(none().text(0x08, "a").text(0x08, "a"))),
        ("topic alias twice", publish(none().two(0x23, 1).two(0x23, 1))),
        ("topic alias 0", publish(none().two(0x23, 0))),
        ("topic alias over the limit", publish(none().two(0x23, ALIASES + 1))),
        ("topic alias that was never set", no_topic(ALIASES)),
        ("subscription identifier 0", publish(none().variable(0x0B, 0))),
        ("property of CONNECT in PUBLISH", publish(none().four(0x11, 9))),
        ("unknown property", publish(none().byte(0x7F, 1))),
        ("user property cut short", frame(0x30, &[text(topic), vec![3, 0x26, 0, 9]].concat())),
        ("properties longer than their packet", frame(0x30, &[text(topic), vec![100, 0x26]].concat())),
        (
            "property length of five bytes",
            frame(0x30, &[text(topic), vec![0xFF, 0xFF, 0xFF, 0xFF, 1]].concat()),
        ),
        ("subscription identifier twice", frame(0x82, b"\0\x01\x04\x0b\x01\x0b\x02\0\x01a\0")),
        ("SUBSCRIBE with reserved options", frame(0x82, b"\0\x01\0\0\x01a\x40")),
        ("SUBSCRIBE with retain handling 3", frame(0x82, b"\0\x01\0\0\x01a\x30")),
        ("PUBACK with an unknown reason", frame(0x40, &[0, 1, 0x01])),
        ("PUBREL with properties cut short", frame(0x62, &[0, 1, 0x92, 9])),
        ("DISCONNECT with an unknown reason", frame(0xE0, &[0x7F])),
        ("bytes behind PUBREL", frame(0x62, &[0, 1, 0, 0, 9])),
        ("bytes behind DISCONNECT", frame(0xE0, &[0, 0, 9])),
        ("AUTH in midstream", frame(0xF0, &[0x19, 0])),
    ]
}

/// Bytes that may be a packet, or not: what comes of them nobody can tell.
pub(super) fn unclear(dice: &mut Dice, version: Version, legal: &[Vec<u8>]) -> (&'static str, Vec<u8>) {
    let mut packet = dice.pick(legal).clone();
    match dice.within(0..12) {
        0..=3 => {
            for _ in 0..dice.within(1..=3) {
                let at = dice.within(0..packet.len());
                packet[at] ^= 1 << dice.within(0..8);
            }
            ("bits flipped", packet)
        }
        4 => {
            packet.truncate(dice.within(1..=packet.len()));
            ("cut short", packet)
        }
        5 => {
            packet.remove(dice.within(0..packet.len()));
            ("a byte removed", packet)
        }
        6 => {
            let (at, byte) = (dice.within(0..=packet.len()), dice.bytes(1)[0]);
            packet.insert(at, byte);
            ("a byte inserted", packet)
        }
        7 => {
            // The length lies: the packet swallows the next, or leaves a rest behind.
            packet[1] = packet[1].wrapping_add(*dice.pick(&[1, 2, 5, 0xFF, 0xFE]));
            packet.extend(dice.pick(legal).clone());
            ("a length that lies", packet)
        }
        8 | 9 => {
            let (header, len) = (dice.bytes(1)[0], dice.within(0..40));
            ("random content", frame(header, &dice.bytes(len)))
        }
        10 => {
            let len = dice.within(1..60);
            ("random bytes", dice.bytes(len))
        }
        _ => disputed(dice, version),
    }
}

/// What brokers differ about.
fn disputed(dice: &mut Dice, version: Version) -> (&'static str, Vec<u8>) {
    let publish = |topic: &str, properties| {
        Publish { properties, ..Publish::new(topic, "x", 1, 42_000) }.packet(version)
    };
    let none = Properties::default;
    let mut crimes = vec![
        ("a topic with a wildcard", publish("a/+/#", none())),
        ("a topic with NUL", publish("a\0b", none())),
        ("a topic with a byte order mark", publish("\u{feff}", none())),
        ("a topic of 17 levels", publish(&["x"; 17].join("/"), none())),
        ("a topic of 10,000 levels", publish(&"/".repeat(10_000), none())),
        ("a topic of 65,535 bytes", publish(&"x".repeat(65_535), none())),
        ("a publish to $SYS", publish("$SYS/x", none())),
        ("a publish to a share", publish("$share/group/t", none())),
        ("DUP with QoS 0", Publish { duplicate: true, ..Publish::new("a", "x", 0, 0) }.packet(version)),
        ("a length in too many bytes", vec![0xC0, 0x80, 0]),
        ("message expiry 0", publish("a", none().four(0x02, 0))),
        ("a subscription identifier from a client", publish("a", none().variable(0x0B, 1))),
        ("the empty response topic", publish("a", none().text(0x08, ""))),
        ("200 user properties", publish("a", (0..200).fold(none(), |all, _| all.user("", "")))),
    ];
    let filters: Vec<(String, u8)> = (0..150).map(|number| (format!("many/{number}/#"), 1)).collect();
    crimes.push(("SUBSCRIBE to 150 filters", super::packet::subscribe(version, 1, &filters, &none())));
    for filter in ["", "$share//a", "$share/#/a", "$share/+/a", "$SYS/#", "a\0b", "#/#"] {
        crimes.push((
            "SUBSCRIBE to an odd filter",
            super::packet::subscribe(version, 1, &[(filter.into(), 1)], &none()),
        ));
    }
    let shared = [("$share/group/t".to_owned(), 0x05)];
    crimes.push((
        "a shared subscription with No Local",
        super::packet::subscribe(version, 1, &shared, &none()),
    ));
    let index = dice.within(0..crimes.len());
    crimes.swap_remove(index)
}

/// First packets that are no good CONNECT.
pub(super) fn strangers(version: Version, client_id: &str) -> Crimes {
    let id = text(client_id);
    let connect = |head: &[u8], tail: &[u8]| frame(0x10, &[head, tail, &id].concat());
    vec![
        ("PINGREQ first", PINGREQ.to_vec()),
        ("PUBLISH first", mqtt::publish(version, "a", b"x", 0, false, 0)),
        ("AUTH first", vec![0xF0, 0]),
        (
            "HTTP first",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a very long name of a browser\r\n\r\n"
                .to_vec(),
        ),
        ("zeros first", vec![0; 64]),
        ("another protocol", connect(b"\0\x04AMQP\x04\x02\0\x3c", b"")),
        ("protocol version 6", connect(b"\0\x04MQTT\x06\x02\0\x3c", b"\0")),
        ("protocol version 0", connect(b"\0\x04MQTT\0\x02\0\x3c", b"")),
        ("a bridge's version", connect(b"\0\x04MQTT\x84\x02\0\x3c", b"")),
        ("a reserved flag in 3.1.1", connect(b"\0\x04MQTT\x04\x03\0\x3c", b"")),
        ("a reserved flag in 5", connect(b"\0\x04MQTT\x05\x03\0\x3c", b"\0")),
        ("a will that is not there", connect(b"\0\x04MQTT\x04\x06\0\x3c", b"")),
        (
            "will QoS 3",
            frame(0x10, &[&b"\0\x04MQTT\x04\x1e\0\x3c"[..], &id, &text("a"), &text("b")].concat()),
        ),
        ("a client id that is no UTF-8", frame(0x10, b"\0\x04MQTT\x04\x02\0\x3c\0\x02\xc3\x28")),
        ("no client id and no clean session", frame(0x10, b"\0\x04MQTT\x04\0\0\x3c\0\0")),
        ("receive maximum 0", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x03\x21\0\0")),
        ("maximum packet size 0", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x05\x27\0\0\0\0")),
        ("session expiry twice", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x0a\x11\0\0\0\x01\x11\0\0\0\x01")),
        ("an authentication method", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x06\x15\0\x03abc")),
        ("authentication data alone", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x06\x16\0\x03abc")),
        ("a property of PUBLISH", connect(b"\0\x04MQTT\x05\x02\0\x3c", b"\x03\x23\0\x01")),
        ("will QoS without a will in 3.1.1", connect(b"\0\x04MQTT\x04\x0a\0\x3c", b"")),
        ("will QoS without a will in 5", connect(b"\0\x04MQTT\x05\x0a\0\x3c", b"\0")),
        ("will retain without a will in 5", connect(b"\0\x04MQTT\x05\x22\0\x3c", b"\0")),
        (
            "a password without a user name in 3.1.1",
            frame(0x10, &[&b"\0\x04MQTT\x04\x42\0\x3c"[..], &id, &text("secret")].concat()),
        ),
        ("a packet of 256 MiB first", vec![0x10, 0xFF, 0xFF, 0xFF, 0x7F]),
    ]
}
