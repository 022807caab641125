//! Packets as MQTT 5 has them, to and from the bytes of either version.

use bytes::BytesMut;
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    Connect, ConnectAck, ConnectAckReason, LastWill, Packet, Publish, PublishAck, PublishAck2, QoS,
    Subscribe, SubscribeAckReason, SubscriptionOptions, Unsubscribe, Version, strict,
};

/// Decodes and encodes the packets of one connection.
#[derive(Debug)]
pub struct Wire {
    version: Version,
    v3: v3::Codec,
    v5: v5::Codec,
}

/// Why a whole packet cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[error("malformed packet: {0}")]
pub struct Malformed(#[from] DecodeError);

impl Malformed {
    /// Whether it is the client id that is not acceptable (3.1.1 §3.1.3.1: none, and not a clean session).
    pub fn is_client_id(&self) -> bool {
        matches!(self.0, DecodeError::InvalidClientId)
    }
}

/// A packet the client does not want to get: longer than its Maximum Packet Size (MQTT 5 §3.1.2.11.4).
#[derive(Debug, thiserror::Error)]
#[error("the packet is longer than the client accepts")]
pub struct Oversize;

/// What the first packet of a connection turned out to be.
#[derive(Debug, thiserror::Error)]
pub enum FirstPacketError {
    /// Something else than CONNECT (MQTT 5 §3.1).
    #[error("the first packet is not CONNECT")]
    NotConnect,
    /// A protocol version this broker does not speak; it can be told so in the terms of 3.1.1 only.
    #[error("protocol version {0} is not supported")]
    Version(u8),
    /// CONNECT, but malformed. The version is known and an answer possible.
    #[error("malformed CONNECT: {0}")]
    Malformed(#[source] Malformed, Version),
}

impl Wire {
    /// Decodes a connection's first packet, whose fields say which version the rest will have.
    pub fn first(mut frame: BytesMut) -> Result<(Self, Box<Connect>), FirstPacketError> {
        let version = version_of(&frame)?;
        // The codec refuses a CONNECT with neither client id nor Clean Start, as 3.1.1 wants it. MQTT 5 does not
        // (§3.1.3.1): the client is given an id.
        let clean_start = (version == Version::V5).then(|| set_clean_start(&mut frame));
        let mut wire = Self { version, v3: v3::Codec::default(), v5: v5::Codec::default() };
        match wire.decode(frame) {
            Ok(Packet::Connect(mut connect)) => {
                if let Some(limit) = connect.max_packet_size {
                    wire.v5.set_max_outbound_size(outbound_size(limit.get()));
                }
                connect.clean_start = clean_start.unwrap_or(connect.clean_start);
                Ok((wire, connect))
            }
            Ok(_) => Err(FirstPacketError::NotConnect),
            Err(malformed) => Err(FirstPacketError::Malformed(malformed, version)),
        }
    }

    /// For an answer to a client whose first packet could not be understood.
    pub fn for_refusal(version: Version) -> Self {
        Self { version, v3: v3::Codec::default(), v5: v5::Codec::default() }
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Decodes one whole packet.
    pub fn decode(&mut self, mut frame: BytesMut) -> Result<Packet, Malformed> {
        if strict::breaks_a_rule(&frame, self.version) {
            return Err(Malformed(DecodeError::MalformedPacket));
        }
        let packet = match self.version {
            Version::V5 => self.v5.decode(&mut frame)?.map(|(packet, _)| packet),
            Version::V3 => self.v3.decode(&mut frame)?.and_then(|(packet, _)| from_v3(packet)),
        };
        packet.ok_or(Malformed(DecodeError::MalformedPacket))
    }

    /// Appends a packet to `out`. What version 3.1.1 has no packet for is left out.
    pub fn encode(&mut self, packet: Packet, out: &mut BytesMut) -> Result<(), Oversize> {
        match self.version {
            Version::V5 => self.v5.encode(packet, out).map_err(|_| Oversize),
            Version::V3 => match to_v3(packet) {
                Some(packet) => self.v3.encode(packet, out).map_err(|_| Oversize),
                None => Ok(()),
            },
        }
    }
}

/// The protocol level of a CONNECT, which stands behind its protocol name (MQTT 5 §3.1.2.2).
fn version_of(frame: &[u8]) -> Result<Version, FirstPacketError> {
    if frame.first() != Some(&0x10) {
        return Err(FirstPacketError::NotConnect);
    }
    let name = frame.get(after_length(frame)..).unwrap_or_default();
    let level = |at: usize| name.get(at).copied().ok_or(FirstPacketError::NotConnect);
    match name {
        [0, 4, b'M', b'Q', b'T', b'T', ..] => match level(6)? {
            4 => Ok(Version::V3),
            5 => Ok(Version::V5),
            other => Err(FirstPacketError::Version(other)),
        },
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', ..] => match level(8)? {
            3 => Ok(Version::V3),
            other => Err(FirstPacketError::Version(other)),
        },
        _ => Err(FirstPacketError::NotConnect),
    }
}

/// Where the rest of a packet begins, after its type and length.
fn after_length(frame: &[u8]) -> usize {
    1 + frame.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0).map_or(4, |index| index + 1)
}

/// Sets Clean Start in a CONNECT of MQTT 5 (§3.1.2.3), and says whether it was set.
fn set_clean_start(frame: &mut [u8]) -> bool {
    const CLEAN_START: u8 = 2;
    let flags = after_length(frame) + b"\0\x04MQTT\x05".len();
    // A CONNECT that is too short for it is malformed, and the codec will say so.
    let Some(flags) = frame.get_mut(flags) else { return false };
    let was_set = *flags & CLEAN_START != 0;
    *flags |= CLEAN_START;
    was_set
}

/// What to tell the codec, so that it sends every packet of up to `max_packet_size` bytes and none that is longer.
///
/// It counts what follows a packet's length, and reserves five bytes for type and length, of which a short packet needs
/// two.
fn outbound_size(max_packet_size: u32) -> u32 {
    const RESERVED: u32 = 5;
    // The longest content that has a length of so many bytes (MQTT 5 §1.5.5).
    let content = [127, 16_383, 2_097_151, 268_435_455]
        .into_iter()
        .zip(2..)
        .map(|(longest, header)| max_packet_size.saturating_sub(header).min(longest));
    // No packet has less than two bytes, and zero would mean no limit.
    content.max().unwrap_or(0).max(1).saturating_add(RESERVED)
}

/// A packet of a 3.1.1 client, as MQTT 5 has it; `None` for what a client does not send.
fn from_v3(packet: v3::Packet) -> Option<Packet> {
    let ack = |packet_id| PublishAck { packet_id, ..PublishAck::default() };
    let ack2 = |packet_id| PublishAck2 { packet_id, ..PublishAck2::default() };
    Some(match packet {
        v3::Packet::Connect(connect) => Packet::Connect(Box::new(Connect {
            clean_start: connect.clean_session,
            keep_alive: connect.keep_alive,
            // A session that is not clean never ends by itself in 3.1.1; our own limit does that.
            session_expiry_interval_secs: if connect.clean_session { 0 } else { u32::MAX },
            last_will: connect.last_will.map(|will| LastWill {
                qos: will.qos,
                retain: will.retain,
                topic: will.topic,
                message: will.message,
                will_delay_interval_sec: None,
                correlation_data: None,
                message_expiry_interval: None,
                content_type: None,
                user_properties: Vec::new(),
                is_utf8_payload: None,
                response_topic: None,
            }),
            client_id: connect.client_id,
            username: connect.username,
            password: connect.password,
            ..Connect::default()
        })),
        v3::Packet::Publish(publish) => Packet::Publish(publish),
        v3::Packet::PublishAck { packet_id } => Packet::PublishAck(ack(packet_id)),
        v3::Packet::PublishReceived { packet_id } => Packet::PublishReceived(ack(packet_id)),
        v3::Packet::PublishRelease { packet_id } => Packet::PublishRelease(ack2(packet_id)),
        v3::Packet::PublishComplete { packet_id } => Packet::PublishComplete(ack2(packet_id)),
        v3::Packet::Subscribe { packet_id, topic_filters } => Packet::Subscribe(Subscribe {
            packet_id,
            id: None,
            user_properties: Vec::new(),
            topic_filters: topic_filters
                .into_iter()
                .map(|(filter, qos)| (filter, SubscriptionOptions { qos, ..SubscriptionOptions::default() }))
                .collect(),
        }),
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Packet::Unsubscribe(Unsubscribe { packet_id, user_properties: Vec::new(), topic_filters })
        }
        v3::Packet::PingRequest => Packet::PingRequest,
        v3::Packet::Disconnect => Packet::Disconnect(super::Disconnect::default()),
        v3::Packet::ConnectAck(_)
        | v3::Packet::SubscribeAck { .. }
        | v3::Packet::UnsubscribeAck { .. }
        | v3::Packet::PingResponse => return None,
    })
}

/// A packet for a 3.1.1 client; `None` for what its version has no packet for.
fn to_v3(packet: Packet) -> Option<v3::Packet> {
    Some(match packet {
        Packet::ConnectAck(ack) => v3::Packet::ConnectAck(connect_ack_v3(&ack)),
        Packet::Publish(publish) => v3::Packet::Publish(Box::new(Publish { properties: None, ..*publish })),
        // There is no negative acknowledgement in 3.1.1: the sender would only repeat itself.
        Packet::PublishAck(ack) => v3::Packet::PublishAck { packet_id: ack.packet_id },
        Packet::PublishReceived(ack) => v3::Packet::PublishReceived { packet_id: ack.packet_id },
        Packet::PublishRelease(ack) => v3::Packet::PublishRelease { packet_id: ack.packet_id },
        Packet::PublishComplete(ack) => v3::Packet::PublishComplete { packet_id: ack.packet_id },
        Packet::SubscribeAck(ack) => v3::Packet::SubscribeAck {
            packet_id: ack.packet_id,
            status: ack
                .status
                .into_iter()
                .map(|reason| match reason {
                    SubscribeAckReason::GrantedQos0 => v3::SubscribeReturnCode::Success(QoS::AtMostOnce),
                    SubscribeAckReason::GrantedQos1 => v3::SubscribeReturnCode::Success(QoS::AtLeastOnce),
                    SubscribeAckReason::GrantedQos2 => v3::SubscribeReturnCode::Success(QoS::ExactlyOnce),
                    _ => v3::SubscribeReturnCode::Failure,
                })
                .collect(),
        },
        Packet::UnsubscribeAck(ack) => v3::Packet::UnsubscribeAck { packet_id: ack.packet_id },
        Packet::PingResponse => v3::Packet::PingResponse,
        _ => return None,
    })
}

/// The return code of 3.1.1 (§3.2.2.3) that comes nearest to a reason code.
fn connect_ack_v3(ack: &ConnectAck) -> v3::ConnectAck {
    use v3::ConnectAckReason as V3;
    let return_code = match ack.reason_code {
        ConnectAckReason::Success => V3::ConnectionAccepted,
        ConnectAckReason::UnsupportedProtocolVersion => V3::UnacceptableProtocolVersion,
        ConnectAckReason::ClientIdentifierNotValid => V3::IdentifierRejected,
        ConnectAckReason::BadUserNameOrPassword => V3::BadUserNameOrPassword,
        ConnectAckReason::ServerBusy
        | ConnectAckReason::ServerUnavailable
        | ConnectAckReason::ConnectionRateExceeded
        | ConnectAckReason::QuotaExceeded
        | ConnectAckReason::UnspecifiedError
        | ConnectAckReason::ImplementationSpecificError => V3::ServiceUnavailable,
        _ => V3::NotAuthorized,
    };
    v3::ConnectAck { return_code, session_present: ack.session_present }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(bytes: &[u8]) -> BytesMut {
        BytesMut::from(bytes)
    }

    const CONNECT_V3: &[u8] = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x3c\x00\x05dev-1";
    const CONNECT_V5: &[u8] = b"\x10\x12\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x05dev-1";

    #[test]
    fn both_versions_are_told_apart_by_the_first_packet() {
        let (wire, connect) = Wire::first(frame(CONNECT_V3)).unwrap();
        assert_eq!((wire.version(), &*connect.client_id), (Version::V3, "dev-1"));
        let (wire, connect) = Wire::first(frame(CONNECT_V5)).unwrap();
        assert_eq!((wire.version(), &*connect.client_id), (Version::V5, "dev-1"));
    }

    #[test]
    fn an_mqtt_5_client_may_have_an_id_assigned_without_clean_start() {
        for (flags, clean_start) in [(0, false), (2, true)] {
            let connect = [&b"\x10\x0d\x00\x04MQTT\x05"[..], &[flags], b"\x00\x3c\x00\x00\x00"].concat();
            let (_, connect) = Wire::first(frame(&connect)).unwrap();
            assert_eq!((connect.clean_start, &*connect.client_id), (clean_start, ""));
        }
        let v3 = Wire::first(frame(b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00"));
        assert!(matches!(v3, Err(FirstPacketError::Malformed(error, Version::V3)) if error.is_client_id()));
    }

    #[test]
    fn a_packet_may_be_as_long_as_the_client_says_and_no_longer() {
        // Below and above the lengths where a packet's own length takes another byte.
        for limit in [20, 128, 129, 130, 131, 132, 1000, 16_385, 16_386, 16_387, 16_388, 16_389] {
            let mut connect = CONNECT_V5[..12].to_vec();
            connect.extend([5, 0x27]);
            connect.extend(u32::to_be_bytes(limit));
            connect.extend(b"\x00\x05dev-1");
            connect[1] = u8::try_from(connect.len() - 2).unwrap();
            let (mut wire, _) = Wire::first(frame(&connect)).unwrap();
            let longest = (0..=limit as usize)
                .rev()
                .find_map(|length| {
                    let publish = Publish {
                        dup: false,
                        retain: false,
                        qos: QoS::AtMostOnce,
                        topic: "a".into(),
                        packet_id: None,
                        payload: bytes::Bytes::from(vec![0; length]),
                        properties: None,
                    };
                    let mut out = BytesMut::new();
                    wire.encode(Packet::Publish(Box::new(publish)), &mut out).ok().map(|()| out.len())
                })
                .unwrap();
            // A length that takes another byte is a packet that is longer by two.
            let unreachable = [130, 16_387].contains(&limit);
            assert_eq!(longest, limit as usize - usize::from(unreachable), "{limit}");
        }
    }

    #[test]
    fn a_first_packet_other_than_connect_is_refused() {
        assert!(matches!(Wire::first(frame(b"\xc0\x00")), Err(FirstPacketError::NotConnect)));
        assert!(matches!(Wire::first(frame(b"\x10\x02\x00\x04")), Err(FirstPacketError::NotConnect)));
        let mut other = CONNECT_V5.to_vec();
        other[8] = 6;
        assert!(matches!(Wire::first(frame(&other)), Err(FirstPacketError::Version(6))));
        assert!(matches!(
            Wire::first(frame(b"\x10\x0a\x00\x04MQTT\x04\x02\x00\x3c")),
            Err(FirstPacketError::Malformed(_, Version::V3))
        ));
    }

    #[test]
    fn a_denied_subscription_is_0x87_in_5_and_0x80_in_3() {
        let denied = |connect: &[u8]| {
            let (mut wire, _) = Wire::first(frame(connect)).unwrap();
            let mut out = BytesMut::new();
            let ack = super::super::SubscribeAck {
                packet_id: 1.try_into().unwrap(),
                properties: Vec::new(),
                reason_string: None,
                status: vec![SubscribeAckReason::NotAuthorized],
            };
            wire.encode(Packet::SubscribeAck(ack), &mut out).unwrap();
            out
        };
        assert_eq!(denied(CONNECT_V3), &b"\x90\x03\x00\x01\x80"[..]);
        assert_eq!(denied(CONNECT_V5), &b"\x90\x04\x00\x01\x00\x87"[..]);
    }

    proptest! {
        #[test]
        fn no_packet_panics_the_codec(
            v5 in any::<bool>(),
            kind in proptest::sample::select(vec![0x10u8, 0x30, 0x32, 0x3f, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0, 0xf0]),
            body in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut packet = vec![kind, u8::try_from(body.len()).unwrap()];
            packet.extend(&body);
            let _ = Wire::first(frame(&packet));
            let (mut wire, _) = Wire::first(frame(if v5 { CONNECT_V5 } else { CONNECT_V3 })).unwrap();
            if let Ok(decoded) = wire.decode(frame(&packet)) {
                // Whatever was understood can be sent on.
                let _ = wire.encode(decoded, &mut BytesMut::new());
            }
        }
    }
}
