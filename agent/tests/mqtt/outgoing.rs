//! Packets of the device, read by rmqtt-codec.

use countersign_agent::mqtt::{
    Connect, OutgoingPublish, Overflow, PINGREQ, PacketId, ReasonCode, Will, encode_disconnect,
    encode_puback, encode_subscribe,
};
use proptest::prelude::*;
use rmqtt_codec::v5::{
    DisconnectReasonCode, LastWill, Packet, PublishAckReason, QoS, RetainHandling, SubscriptionOptions,
};

use crate::judge::judged;

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

#[test]
fn connect_has_clean_start_0_and_a_will() {
    let connect = Connect {
        client_id: "pump-1",
        keep_alive: 60,
        session_expiry: 86_400,
        receive_maximum: 4,
        maximum_packet_size: 2048,
        will: Will { topic: &"devices/pump-1/status", payload: b"offline" },
    };
    let mut buffer = [0; 128];
    let Some(Packet::Connect(read)) = judged(connect.encode(&mut buffer).unwrap()) else {
        panic!("no CONNECT")
    };
    assert!(!read.clean_start);
    assert_eq!((read.keep_alive, read.session_expiry_interval_secs), (60, 86_400));
    assert_eq!(read.receive_max.unwrap().get(), 4);
    assert_eq!(read.max_packet_size.unwrap().get(), 2048);
    assert_eq!((read.topic_alias_max, read.request_problem_info), (0, true));
    assert_eq!(&*read.client_id, "pump-1");
    assert_eq!((&read.username, &read.password, &read.auth_method), (&None, &None, &None));
    let LastWill { qos, retain, topic, message, will_delay_interval_sec, .. } = read.last_will.unwrap();
    assert_eq!((qos, retain), (QoS::AtLeastOnce, true));
    assert_eq!((&*topic, &*message), ("devices/pump-1/status", &b"offline"[..]));
    assert_eq!(will_delay_interval_sec, None);
}

#[test]
fn subscribe_wants_retained_commands_once() {
    let mut buffer = [0; 64];
    let packet = encode_subscribe(id(1), &"devices/pump-1/commands/#", &mut buffer).unwrap();
    let Some(Packet::Subscribe(read)) = judged(packet) else { panic!("no SUBSCRIBE") };
    assert_eq!((read.packet_id, read.id), (id(1), None));
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::AtSubscribeNew,
    };
    assert_eq!(read.topic_filters, [("devices/pump-1/commands/#".into(), options)]);
}

#[test]
fn puback_pingreq_and_disconnect_are_read_as_written() {
    let mut buffer = [0; 16];
    let Some(Packet::PublishAck(read)) = judged(encode_puback(id(7), &mut buffer).unwrap()) else {
        panic!("no PUBACK")
    };
    assert_eq!((read.packet_id, read.reason_code), (id(7), PublishAckReason::Success));
    let packet = encode_disconnect(ReasonCode::DISCONNECT_WITH_WILL, &mut buffer).unwrap();
    let Some(Packet::Disconnect(read)) = judged(packet) else { panic!("no DISCONNECT") };
    assert_eq!(read.reason_code, DisconnectReasonCode::DisconnectWithWillMessage);
    assert_eq!(judged(&PINGREQ), Some(Packet::PingRequest));
}

proptest! {
    #[test]
    fn publish_is_read_as_it_was_meant(
        topic in "[a-z/]{1,40}",
        payload in proptest::collection::vec(any::<u8>(), 0..20_000),
        packet_id in proptest::option::of(1..=u16::MAX),
        retain: bool,
        dup: bool,
    ) {
        let packet_id = packet_id.map(id);
        let outgoing = OutgoingPublish { topic: &topic, packet_id, retain, dup, payload_len: payload.len() };
        let mut buffer = [0; 64];
        let mut packet = outgoing.encode(&mut buffer).unwrap().to_vec();
        packet.extend_from_slice(&payload);
        let Some(Packet::Publish(read)) = judged(&packet) else { panic!("no PUBLISH") };
        let qos = if packet_id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        prop_assert_eq!((&*read.topic, read.packet_id, read.qos), (&*topic, packet_id, qos));
        prop_assert_eq!((read.retain, read.dup), (retain, dup && packet_id.is_some()));
        prop_assert_eq!(&*read.payload, &*payload);
    }

    #[test]
    fn a_packet_that_does_not_fit_its_buffer_is_refused(topic in "[a-z]{1,40}", room in 0_usize..64) {
        let outgoing = OutgoingPublish { topic: &topic, packet_id: Some(id(3)), retain: false, dup: false, payload_len: 0 };
        let mut buffer = vec![0; room];
        match outgoing.encode(&mut buffer) {
            Ok(packet) => prop_assert!(judged(packet).is_some()),
            // Five bytes are kept for the header, whatever it takes.
            Err(Overflow) => prop_assert!(room < 5 + 2 + topic.len() + 2 + 1),
        }
    }
}
