//! Packets that are refused, each with its error.

use countersign_agent::mqtt::{Incoming, PacketError, ReasonCode};

#[track_caller]
fn refused(first: u8, body: &[u8]) -> PacketError {
    Incoming::parse(first, body).expect_err("refused")
}

/// A message of QoS 0 on topic `a` with these properties.
fn with_properties(properties: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, b'a', u8::try_from(properties.len()).unwrap()];
    body.extend_from_slice(properties);
    body
}

#[test]
fn packets_that_a_broker_cannot_send_this_client_are_refused() {
    // CONNECT, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, UNSUBACK, PINGREQ, AUTH, and the two reserved types.
    for first in [0x10, 0x50, 0x62, 0x70, 0x82, 0xA2, 0xB0, 0xC0, 0xF0, 0x00, 0x0F] {
        assert_eq!(refused(first, &[0, 1, 0]), PacketError::Type { first }, "{first:02x}");
    }
}

#[test]
fn reserved_flags_are_refused() {
    for first in [0x21, 0x41, 0x42, 0x92, 0xD1, 0xE8] {
        assert_eq!(refused(first, &[0, 1]), PacketError::Type { first }, "{first:02x}");
    }
    // QoS 3; DUP without QoS.
    for first in [0x36, 0x38] {
        assert_eq!(refused(first, &[0, 1, b'a', 0, 1, 0]), PacketError::Type { first });
    }
}

#[test]
fn qos_2_and_topic_aliases_are_refused() {
    assert_eq!(refused(0x34, &[0, 1, b'a', 0, 1, 0]), PacketError::QoS2);
    assert_eq!(refused(0x30, &with_properties(&[0x23, 0, 1])), PacketError::TopicAlias);
    assert_eq!(PacketError::QoS2.reason_code(), ReasonCode::QOS_NOT_SUPPORTED);
    assert_eq!(PacketError::TopicAlias.reason_code(), ReasonCode::TOPIC_ALIAS_INVALID);
}

#[test]
fn properties_are_those_of_the_packet_once_each_and_of_their_type() {
    // Will Delay Interval belongs into CONNECT.
    assert_eq!(refused(0x30, &with_properties(&[0x18, 0, 0, 0, 1])), PacketError::Property { id: 0x18 });
    // An identifier in two bytes where one does, and one beyond all.
    assert_eq!(refused(0x30, &with_properties(&[0x81, 0x00, 1])), PacketError::VariableByteInteger);
    assert_eq!(refused(0x30, &with_properties(&[0xFF, 0x7F])), PacketError::Property { id: 0x3FFF });
    assert_eq!(refused(0x30, &with_properties(&[1, 0, 1, 0])), PacketError::RepeatedProperty { id: 1 });
    assert_eq!(refused(0x30, &with_properties(&[1, 2])), PacketError::Value);
    assert_eq!(refused(0x30, &with_properties(&[0x0B, 0])), PacketError::Value);
    // Subscription identifiers and user properties may come again.
    let again = with_properties(&[0x0B, 1, 0x0B, 2, 0x26, 0, 0, 0, 0, 0x26, 0, 0, 0, 0]);
    assert!(Incoming::parse(0x30, &again).is_ok());
    // A property that runs out of the properties, though not out of the packet.
    assert_eq!(refused(0x30, &[0, 1, b'a', 2, 2, 0, 0, 0, 1]), PacketError::Truncated);
}

#[test]
fn limits_of_zero_are_refused() {
    // Receive Maximum, Maximum Packet Size (§3.2.2.3.3, §3.2.2.3.6).
    assert_eq!(refused(0x20, &[0, 0, 3, 0x21, 0, 0]), PacketError::Value);
    assert_eq!(refused(0x20, &[0, 0, 5, 0x27, 0, 0, 0, 0]), PacketError::Value);
}

#[test]
fn a_session_cannot_be_present_in_a_refusal() {
    assert_eq!(refused(0x20, &[1, 0x87, 0]), PacketError::Value);
    assert_eq!(refused(0x20, &[2, 0, 0]), PacketError::Value);
}

#[test]
fn texts_are_utf_8_without_nul_and_topics_not_empty() {
    for topic in [&b"\xff"[..], b"\xed\xa0\x80", b"\xc0\x80", b"a\0"] {
        let mut body = vec![0, u8::try_from(topic.len()).unwrap()];
        body.extend_from_slice(topic);
        body.push(0);
        assert_eq!(refused(0x30, &body), PacketError::Text, "{topic:02x?}");
    }
    assert_eq!(refused(0x30, &[0, 0, 0]), PacketError::Value);
}

#[test]
fn truncated_and_trailing_bytes_are_refused() {
    assert_eq!(refused(0x40, &[0, 1, 0, 0, 9]), PacketError::Trailing);
    assert_eq!(refused(0xD0, &[0]), PacketError::Trailing);
    assert_eq!(refused(0x90, &[0, 1, 0, 1, 1]), PacketError::Trailing);
    assert_eq!(refused(0x90, &[0, 1, 0]), PacketError::Truncated);
    assert_eq!(refused(0x40, &[0, 0]), PacketError::PacketId);
    assert_eq!(refused(0x32, &[0, 1, b'a', 0, 0, 0]), PacketError::PacketId);
    assert_eq!(refused(0x20, &[]), PacketError::Truncated);
}

#[test]
fn acknowledgements_may_leave_out_reason_and_properties() {
    for body in [&[0, 1][..], &[0, 1, 0], &[0, 1, 0, 0]] {
        assert!(
            matches!(Incoming::parse(0x40, body), Ok(Incoming::Puback(puback)) if !puback.reason.is_error())
        );
    }
    for body in [&[][..], &[0], &[0, 0]] {
        assert!(matches!(Incoming::parse(0xE0, body), Ok(Incoming::Disconnect(_))));
    }
}

#[test]
fn a_hint_that_is_no_number_is_none_and_the_first_counts() {
    let hint = |value: &str| {
        let mut pair = vec![0x26, 0, 16];
        pair.extend_from_slice(b"countersign-time");
        pair.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        pair.extend_from_slice(value.as_bytes());
        pair
    };
    let time = |values: &[&str]| {
        let properties: Vec<u8> = values.iter().flat_map(|value| hint(value)).collect();
        let mut body = vec![0, 0, u8::try_from(properties.len()).unwrap()];
        body.extend_from_slice(&properties);
        match Incoming::parse(0x20, &body) {
            Ok(Incoming::Connack(connack)) => connack.hints.time,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(time(&["1800000000", "1900000000"]), Some(1_800_000_000));
    assert_eq!(time(&["soon", "1900000000"]), Some(1_900_000_000));
    for nonsense in ["", "-1", "1e9", "18446744073709551616", " 1"] {
        assert_eq!(time(&[nonsense]), None, "{nonsense:?}");
    }
}
