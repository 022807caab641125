//! The packets a broker can send, as rmqtt-codec has them.

use core::num::NonZeroU16;

use rmqtt_codec::types;
use rmqtt_codec::v5::{
    self, ConnectAckReason, DisconnectReasonCode, Packet, PublishAckReason, SubscribeAckReason,
};

/// One of each, with as many properties as it can have.
pub(crate) fn packets() -> Vec<Packet> {
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
