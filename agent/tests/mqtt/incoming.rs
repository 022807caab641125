//! Packets of a broker, as rmqtt-codec writes them and damaged.

use core::num::NonZeroU16;
use std::time::Duration;

use countersign_agent::mqtt::{
    Connack, Disconnect, Hints, Incoming, Puback, Publish, QoS, ReasonCode, Suback,
};
use proptest::prelude::*;

use crate::judge::{agrees, judged, packet, parts, without_leniency, written};
use crate::packets::packets;

fn read(packet: &[u8]) -> Option<Incoming<'_>> {
    let (first, body) = parts(packet);
    Incoming::parse(first, body).ok()
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
