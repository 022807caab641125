//! What no client may send: byte strings that end the connection, whichever state the session is in.

use mqtt::Version;

/// Packets of both versions. `V5` clients put an empty property list where one belongs.
fn of_both_versions(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    let packet = |first: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let mut bytes = vec![first, u8::try_from(content.len()).expect("a short packet")];
        bytes.extend(content);
        bytes
    };
    vec![
        ("type 0", vec![0x00, 0]),
        ("CONNACK", packet(0x20, &[&[0, 0], properties])),
        ("SUBACK", packet(0x90, &[&[0, 1], properties, &[0]])),
        ("UNSUBACK", packet(0xb0, &[&[0, 1], properties])),
        ("PINGRESP", vec![0xd0, 0]),
        ("AUTH", vec![0xf0, 0]),
        ("QoS 3", packet(0x36, &[b"\0\x03t/a\0\x01", properties, b"x"])),
        ("QoS 1 with packet id 0", packet(0x32, &[b"\0\x03t/a\0\0", properties, b"x"])),
        ("a topic longer than its packet", packet(0x30, &[b"\xff\xffa"])),
        ("a topic that is no UTF-8", packet(0x30, &[b"\0\x02\xc3\x28", properties, b"x"])),
        ("PUBLISH without a topic", packet(0x30, &[&[0, 0], properties, b"x"])),
        ("a topic with a wildcard", packet(0x30, &[b"\0\x03t/#", properties, b"x"])),
        ("SUBSCRIBE with wrong flags", packet(0x80, &[&[0, 1], properties, b"\0\x01a\0"])),
        ("SUBSCRIBE to nothing", packet(0x82, &[&[0, 1], properties])),
        ("SUBSCRIBE with packet id 0", packet(0x82, &[&[0, 0], properties, b"\0\x01a\0"])),
        ("SUBSCRIBE with QoS 3", packet(0x82, &[&[0, 1], properties, b"\0\x01a\x03"])),
        ("UNSUBSCRIBE from nothing", packet(0xa2, &[&[0, 1], properties])),
        ("UNSUBSCRIBE with packet id 0", packet(0xa2, &[&[0, 0], properties, b"\0\x01a"])),
        ("PUBACK with packet id 0", packet(0x40, &[&[0, 0]])),
        ("PUBREL with wrong flags", packet(0x60, &[&[0, 1]])),
        ("PUBCOMP of nothing", packet(0x70, &[])),
        ("PINGREQ with content", packet(0xc0, &[b"x"])),
        ("a length of five bytes", vec![0x30, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a packet over the limit", vec![0x30, 0xff, 0xff, 0xff, 0x7f]),
        ("a second CONNECT", second_connect(version)),
    ]
}

fn second_connect(version: Version) -> Vec<u8> {
    match version {
        Version::V5 => b"\x10\x0e\0\x04MQTT\x05\x02\0\x3c\0\0\x01a".to_vec(),
        Version::V3 => b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a".to_vec(),
    }
}

/// Packets that are wrong in MQTT 5 alone.
fn of_version_5() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("the payload format twice", b"\x30\x0a\0\x03t/a\x04\x01\x01\x01\x01x".to_vec()),
        ("topic alias 0", b"\x30\x09\0\x03t/a\x03\x23\0\0".to_vec()),
        ("a topic alias that was never set", b"\x30\x06\0\0\x03\x23\0\x01".to_vec()),
        ("a property of CONNECT", b"\x30\x0b\0\x03t/a\x05\x11\0\0\0\x09".to_vec()),
        ("an unknown property", b"\x30\x08\0\x03t/a\x02\x7f\x01".to_vec()),
        ("reserved subscription options", b"\x82\x07\0\x01\0\0\x01a\x40".to_vec()),
        ("PUBACK with an unknown reason", b"\x40\x03\0\x01\x01".to_vec()),
        ("DISCONNECT with an unknown reason", b"\xe0\x01\x7f".to_vec()),
        ("bytes after PUBREL", b"\x62\x05\0\x01\0\0\x09".to_vec()),
    ]
}

/// Everything that a client of this version may not send, each with its name.
pub(super) fn all(version: Version) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = of_both_versions(version);
    if version == Version::V5 {
        all.extend(of_version_5());
    }
    all
}
