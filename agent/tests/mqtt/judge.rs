//! rmqtt-codec, the reference that packets are compared with.

use std::time::Duration;

use countersign_agent::mqtt::{Hints, Incoming, QoS};
use rmqtt_codec::v5::{self, Codec, Packet};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// What the judge makes of one whole packet.
pub(crate) fn judged(packet: &[u8]) -> Option<Packet> {
    let mut bytes = packet.into();
    let (packet, _) = Codec::new(0, 0).decode(&mut bytes).ok()??;
    bytes.is_empty().then_some(packet)
}

/// A packet as the judge writes it.
pub(crate) fn written(packet: Packet) -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    Codec::new(0, 0).encode(packet, &mut bytes).unwrap();
    bytes.to_vec()
}

/// The first byte of a packet, and what comes after its length.
pub(crate) fn parts(packet: &[u8]) -> (u8, &[u8]) {
    let (first, rest) = packet.split_first().unwrap();
    let length_bytes = rest.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    (*first, &rest[length_bytes..])
}

/// A packet around a body.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (low, high) = ((body.len() & 0x7F) as u8, (body.len() >> 7) as u8);
    let length = if high == 0 { vec![low] } else { vec![low | 0x80, high] };
    [&[first][..], &length, body].concat()
}

/// Whether the judge read what we read.
pub(crate) fn agrees(ours: &Incoming<'_>, theirs: &Packet) -> bool {
    match (ours, theirs) {
        (Incoming::Connack(a), Packet::ConnectAck(b)) => {
            a.session_present == b.session_present
                && a.reason.code() == b.reason_code as u8
                && a.receive_maximum == b.receive_max.get()
                && a.maximum_packet_size == b.max_packet_size.unwrap_or(u32::MAX)
                && (a.maximum_qos == QoS::AtMostOnce) == (b.max_qos == v5::QoS::AtMostOnce)
                && a.retain_available == b.retain_available
                && a.hints == hints(&b.user_properties)
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
        (Incoming::Disconnect(a), Packet::Disconnect(b)) => {
            a.reason.code() == b.reason_code as u8 && a.hints == hints(&b.user_properties)
        }
        _ => false,
    }
}

/// The first of each that is a number.
fn hints(properties: &v5::UserProperties) -> Hints {
    let number = |wanted: &str| {
        let values = properties.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value);
        values.flat_map(|value| value.parse().ok()).next()
    };
    let retry_after = number("countersign-retry-after").map(Duration::from_secs);
    Hints { time: number("countersign-time"), retry_after }
}

/// The packet without what the judge refuses and we take, knowingly: reason codes are not ours to limit, and a
/// message that expires at once is for the broker to handle.
pub(crate) fn without_leniency(first: u8, body: &[u8]) -> Vec<u8> {
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
    while let Some(at) = body.windows(5).position(|bytes| bytes == [0x02, 0, 0, 0, 0]) {
        body[at + 4] = 1;
    }
    packet(first, &body)
}
