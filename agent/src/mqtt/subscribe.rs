//! SUBSCRIBE (MQTT 5 §3.8).

use core::fmt;

use super::error::Overflow;
use super::wire::Writer;
use super::{PacketId, QoS};

/// Retained messages come if the subscription is new (§3.8.3.1): a retained command is done once, not again after
/// every broken connection.
const RETAIN_HANDLING_IF_NEW: u8 = 1 << 4;

/// Writes a SUBSCRIBE for one filter with QoS 1 to `buffer`.
pub fn encode_subscribe<'b>(
    packet_id: PacketId,
    filter: &impl fmt::Display,
    buffer: &'b mut [u8],
) -> Result<&'b [u8], Overflow> {
    let mut packet = Writer::new(buffer);
    packet.u16(packet_id.get());
    packet.variable(0);
    packet.text(filter);
    packet.byte(QoS::AtLeastOnce.bits() | RETAIN_HANDLING_IF_NEW);
    packet.finish(0x82, 0)
}
