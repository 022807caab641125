//! The device's MQTT packets, with rmqtt-codec as judge, and the inbox at every cut.

#![allow(clippy::unwrap_used)]

mod inbox;
mod incoming;
mod outgoing;
mod strictness;

use rmqtt_codec::v5::{Codec, Packet};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// What the judge makes of one whole packet.
fn judged(packet: &[u8]) -> Option<Packet> {
    let mut bytes = packet.into();
    let (packet, _) = Codec::new(0, 0).decode(&mut bytes).ok()??;
    bytes.is_empty().then_some(packet)
}

/// A packet as the judge writes it.
fn written(packet: Packet) -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    Codec::new(0, 0).encode(packet, &mut bytes).unwrap();
    bytes.to_vec()
}

/// The first byte of a packet, and what comes after its length.
fn parts(packet: &[u8]) -> (u8, &[u8]) {
    let (first, rest) = packet.split_first().unwrap();
    let length_bytes = rest.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    (*first, &rest[length_bytes..])
}
