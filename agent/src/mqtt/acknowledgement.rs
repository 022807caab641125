//! PUBACK and SUBACK (MQTT 5 §3.4, §3.9).

use super::error::{Overflow, PacketError};
use super::property::{Allowed, Properties};
use super::wire::{Reader, Writer};
use super::{PacketId, ReasonCode};

/// The broker has received a message of QoS 1, or refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Puback {
    /// Of the message.
    pub packet_id: PacketId,
    /// Success, or the reason of the refusal.
    pub reason: ReasonCode,
}

/// The broker's answer to a SUBSCRIBE for one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suback {
    /// Of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// The QoS granted, or why there is none.
    pub reason: ReasonCode,
}

impl Puback {
    pub(super) fn parse(mut body: Reader<'_>) -> Result<Self, PacketError> {
        let packet_id = body.packet_id()?;
        // Reason code and properties may be left out from the end (§3.4.2.1, §3.4.2.2.1).
        let reason = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode::new(body.byte()?) };
        if !body.is_empty() {
            Properties::take(&mut body, Allowed::ACKNOWLEDGEMENT)?.check()?;
        }
        body.end()?;
        Ok(Self { packet_id, reason })
    }
}

impl Suback {
    pub(super) fn parse(mut body: Reader<'_>) -> Result<Self, PacketError> {
        let packet_id = body.packet_id()?;
        Properties::take(&mut body, Allowed::ACKNOWLEDGEMENT)?.check()?;
        let reason = ReasonCode::new(body.byte()?);
        body.end()?;
        Ok(Self { packet_id, reason })
    }
}

/// Writes PUBACK with success to `buffer`.
pub fn encode_puback(packet_id: PacketId, buffer: &mut [u8]) -> Result<&[u8], Overflow> {
    let mut packet = Writer::new(buffer);
    packet.u16(packet_id.get());
    packet.finish(0x40, 0)
}
