//! What a broker says: packets of the judge's making, as they are and damaged.

use core::num::NonZeroU16;
use std::time::Duration;

use countersign_agent::mqtt::{
    Connack, Disconnect, Hints, Incoming, Puback, Publish, QoS, ReasonCode, Suback,
};
use proptest::prelude::*;
use rmqtt_codec::types;
use rmqtt_codec::v5::{
    self, ConnectAckReason, DisconnectReasonCode, Packet, PublishAckReason, SubscribeAckReason,
};

use crate::{judged, parts, written};

fn read(packet: &[u8]) -> Option<Incoming<'_>> {
    let (first, body) = parts(packet);
    Incoming::parse(first, body).ok()
}

/// One of each, with as many properties as it can have.
fn packets() -> Vec<Packet> {
    let user = || vec![("countersign-retry-after".into(), "30".into()), ("x".into(), "y".into())];
    let id = NonZeroU16::new(9).unwrap();
    let publish = |qos, packet_id: Option<NonZeroU16>| {
        Packet::Publish(Box::new(types::Publish {
            dup: packet_id.is_some(),
            retain: true,
            qos,
            topic: "devices/pump-1/commands/7".into(),
            packet_id,
            payload: bytes::Bytes::from_static(b"open the valve"),
            properties: Some(v5::PublishProperties {
                correlation_data: Some(bytes::Bytes::from_static(b"abc")),
                message_expiry_interval: Some(60.try_into().unwrap()),
                content_type: Some("text/plain".into()),
                user_properties: user(),
                is_utf8_payload: true,
                response_topic: Some("answers".into()),
                subscription_ids: vec![1.try_into().unwrap(), 300.try_into().unwrap()],
                topic_alias: None,
            }),
        }))
    };
    vec![
        Packet::ConnectAck(Box::new(v5::ConnectAck {
            session_present: true,
            reason_code: ConnectAckReason::Success,
            session_expiry_interval_secs: Some(3600),
            receive_max: NonZeroU16::new(20).unwrap(),
            max_qos: types::QoS::AtLeastOnce,
            max_packet_size: Some(65_536),
            assigned_client_id: Some("given".into()),
            topic_alias_max: 16,
            retain_available: false,
            wildcard_subscription_available: true,
            subscription_identifiers_available: false,
            shared_subscription_available: false,
            server_keepalive_sec: Some(30),
            response_info: Some("info".into()),
            server_reference: Some("other".into()),
            auth_method: None,
            auth_data: None,
            reason_string: Some("welcome".into()),
            user_properties: vec![("countersign-time".into(), "1800000000".into())],
        })),
        publish(types::QoS::AtMostOnce, None),
        publish(types::QoS::AtLeastOnce, Some(id)),
        Packet::PublishAck(v5::PublishAck {
            packet_id: id,
            reason_code: PublishAckReason::QuotaExceeded,
            properties: user(),
            reason_string: Some("later".into()),
        }),
        Packet::SubscribeAck(v5::SubscribeAck {
            packet_id: id,
            properties: user(),
            reason_string: Some("well".into()),
            status: vec![SubscribeAckReason::GrantedQos1],
        }),
        Packet::PingResponse,
        Packet::Disconnect(v5::Disconnect {
            reason_code: DisconnectReasonCode::AdministrativeAction,
            session_expiry_interval_secs: None,
            server_reference: Some("other".into()),
            reason_string: Some("revoked".into()),
            user_properties: user(),
        }),
    ]
}

#[test]
fn every_packet_is_read_as_it_was_written() {
    let id = NonZeroU16::new(9).unwrap();
    let message = |packet_id: Option<_>| {
        Incoming::Publish(Publish {
            topic: "devices/pump-1/commands/7",
            payload: b"open the valve",
            packet_id,
            retain: true,
            dup: packet_id.is_some(),
        })
    };
    let expected = [
        Incoming::Connack(Connack {
            session_present: true,
            reason: ReasonCode::SUCCESS,
            receive_maximum: 20,
            maximum_packet_size: 65_536,
            maximum_qos: QoS::AtLeastOnce,
            retain_available: false,
            server_keep_alive: Some(Duration::from_secs(30)),
            hints: Hints { time: Some(1_800_000_000), retry_after: None },
        }),
        message(None),
        message(Some(id)),
        Incoming::Puback(Puback { packet_id: id, reason: ReasonCode::QUOTA_EXCEEDED }),
        Incoming::Suback(Suback { packet_id: id, reason: ReasonCode::new(1) }),
        Incoming::Pingresp,
        Incoming::Disconnect(Disconnect {
            reason: ReasonCode::ADMINISTRATIVE_ACTION,
            hints: Hints { time: None, retry_after: Some(Duration::from_secs(30)) },
        }),
    ];
    for (packet, expected) in packets().into_iter().zip(expected) {
        let bytes = written(packet);
        assert_eq!(read(&bytes), Some(expected));
    }
}

/// Whether the judge read what we read.
fn agrees(ours: &Incoming<'_>, theirs: &Packet) -> bool {
    match (ours, theirs) {
        (Incoming::Connack(a), Packet::ConnectAck(b)) => {
            a.session_present == b.session_present
                && a.reason.code() == b.reason_code as u8
                && a.receive_maximum == b.receive_max.get()
                && a.maximum_packet_size == b.max_packet_size.unwrap_or(u32::MAX)
                && a.retain_available == b.retain_available
                && a.server_keep_alive.map(|time| time.as_secs()) == b.server_keepalive_sec.map(u64::from)
        }
        (Incoming::Publish(a), Packet::Publish(b)) => {
            a.topic == &*b.topic
                && a.payload == &*b.payload
                && a.packet_id == b.packet_id
                && (a.retain, a.dup) == (b.retain, b.dup)
        }
        (Incoming::Puback(a), Packet::PublishAck(b)) => {
            a.packet_id == b.packet_id && a.reason.code() == b.reason_code as u8
        }
        (Incoming::Suback(a), Packet::SubscribeAck(b)) => {
            a.packet_id == b.packet_id && b.status.len() == 1 && a.reason.code() == b.status[0] as u8
        }
        (Incoming::Pingresp, Packet::PingResponse) => true,
        (Incoming::Disconnect(a), Packet::Disconnect(b)) => a.reason.code() == b.reason_code as u8,
        _ => false,
    }
}

/// The packet without what the judge refuses and we take, knowingly: reason codes are not ours to limit, and a
/// message that expires at once is the broker's affair.
fn without_leniency(first: u8, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let reason = match first {
        0x20 => body.get_mut(1),
        0x40 => body.get_mut(2),
        0x90 => body.last_mut(),
        0xE0 => body.first_mut(),
        _ => None,
    };
    if let Some(reason) = reason {
        *reason = 0;
    }
    if let Some(at) = body.windows(5).position(|bytes| bytes == [0x02, 0, 0, 0, 0]) {
        body[at + 4] = 1;
    }
    packet(first, &body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn damaged_packets_are_read_alike_or_refused(
        which in 0_usize..7,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let whole = written(packets().swap_remove(which));
        let (first, body) = parts(&whole);
        let mut body = body.to_vec();
        let mut first = first;
        for (place, byte) in damage {
            match place.index(body.len() + 1) {
                0 => first = byte,
                at => body[at - 1] = byte,
            }
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len() + 1));
        }
        if let Ok(ours) = Incoming::parse(first, &body) {
            match judged(&packet(first, &body)) {
                Some(theirs) => prop_assert!(agrees(&ours, &theirs), "{ours:?}\n{theirs:?}"),
                None => {
                    let milder = without_leniency(first, &body);
                    prop_assert!(judged(&milder).is_some(), "only we take {body:02x?}: {ours:?}");
                }
            }
        }
    }
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (low, high) = ((body.len() & 0x7F) as u8, (body.len() >> 7) as u8);
    let length = if high == 0 { vec![low] } else { vec![low | 0x80, high] };
    [&[first][..], &length, body].concat()
}
