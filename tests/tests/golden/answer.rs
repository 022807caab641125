//! What a client hears, in one line.

use integration_tests::client::Heard;
use integration_tests::mqtt::{Packet, Version, variable};

/// What the broker answered to a client of `version`: the packet with its reason code, and all text in its properties; or how
/// the connection ended.
pub(crate) fn line(version: Version, heard: &Heard) -> String {
    match heard {
        Heard::Packet(packet) => packet_line(version, packet),
        Heard::Alert(alert) => format!("TLS alert {alert:?}"),
        Heard::Closed => "the connection is closed".to_owned(),
        Heard::Silence => "nothing".to_owned(),
    }
}

fn packet_line(version: Version, packet: &Packet) -> String {
    let (name, properties_at) = match packet.header() >> 4 {
        2 => ("CONNACK", 2),
        3 => return format!("PUBLISH {:?}", packet.message().topic),
        4 => ("PUBACK", 3),
        5 => ("PUBREC", 3),
        7 => ("PUBCOMP", 3),
        9 => ("SUBACK", 2),
        11 if version == Version::V311 => return "UNSUBACK".to_owned(),
        11 => ("UNSUBACK", 2),
        13 => return "PINGRESP".to_owned(),
        14 => ("DISCONNECT", 1),
        _ => panic!("{packet:?} was not expected"),
    };
    let mut line = format!("{name} {:#04x}", packet.reason_code());
    if version == Version::V5 {
        for text in texts(packet.body().get(properties_at..).unwrap_or_default()) {
            line.push(' ');
            line.push_str(&text);
        }
    }
    line
}

/// The text in properties, which start with their length (MQTT 5 §2.2.2).
fn texts(bytes: &[u8]) -> Vec<String> {
    let Some((length, length_len)) = variable(bytes) else { return Vec::new() };
    let mut rest = &bytes[length_len..length_len + length];
    let mut texts = Vec::new();
    while let Some((id, after)) = rest.split_first() {
        rest = after;
        match id {
            // One byte: Maximum QoS, and what is available.
            0x24 | 0x25 | 0x28 | 0x29 | 0x2A => rest = &rest[1..],
            // Two: Server Keep Alive, Receive Maximum, Topic Alias Maximum.
            0x13 | 0x21 | 0x22 => rest = &rest[2..],
            // Four: Session Expiry Interval, Maximum Packet Size.
            0x11 | 0x27 => rest = &rest[4..],
            0x12 => texts.push(format!("assigned client id {:?}", text(&mut rest))),
            0x1F => texts.push(format!("{:?}", text(&mut rest))),
            0x26 => texts.push(format!("{}={}", text(&mut rest), text(&mut rest))),
            id => panic!("property {id:#04x} was not expected"),
        }
    }
    texts
}

fn text(rest: &mut &[u8]) -> String {
    let (length, after) = rest.split_first_chunk().expect("a text has its length in front");
    let (text, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
    *rest = after;
    String::from_utf8_lossy(text).into_owned()
}
