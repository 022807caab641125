//! DISCONNECT (MQTT 5 §3.14).

use super::ReasonCode;
use super::error::{Overflow, PacketError};
use super::hint::Hints;
use super::property::{Allowed, Properties, Value};
use super::wire::{Reader, Writer};

/// The broker ends the connection, with a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect {
    /// Why.
    pub reason: ReasonCode,
    /// The user properties of a Countersign broker.
    pub hints: Hints,
}

impl Disconnect {
    pub(super) fn parse(mut body: Reader<'_>) -> Result<Self, PacketError> {
        // Reason code and properties may be left out from the end (§3.14.2.1).
        let reason = if body.is_empty() { ReasonCode::SUCCESS } else { ReasonCode::new(body.byte()?) };
        let mut hints = Hints::default();
        if !body.is_empty() {
            let mut properties = Properties::take(&mut body, Allowed::DISCONNECT)?;
            while let Some((_, value)) = properties.next()? {
                if let Value::Pair(name, value) = value {
                    hints.note(name, value);
                }
            }
        }
        body.end()?;
        Ok(Self { reason, hints })
    }
}

/// Writes DISCONNECT to `buffer`.
pub fn encode_disconnect(reason: ReasonCode, buffer: &mut [u8]) -> Result<&[u8], Overflow> {
    let mut packet = Writer::new(buffer);
    packet.byte(reason.code());
    packet.finish(0xE0, 0)
}
