//! CONNACK (MQTT 5 §3.2).

use core::time::Duration;

use super::error::PacketError;
use super::hint::Hints;
use super::property::{
    Allowed, MAXIMUM_PACKET_SIZE, MAXIMUM_QOS, Properties, RECEIVE_MAXIMUM, RETAIN_AVAILABLE,
    SERVER_KEEP_ALIVE, Value,
};
use super::wire::Reader;
use super::{QoS, ReasonCode};

/// The broker's answer to CONNECT, and the limits it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connack {
    /// Whether the broker had kept the session.
    pub session_present: bool,
    /// Success, or the reason of the refusal.
    pub reason: ReasonCode,
    /// The most messages that may be unacknowledged.
    pub receive_maximum: u16,
    /// The longest packet the broker takes, bytes.
    pub maximum_packet_size: u32,
    /// The highest QoS the broker takes.
    pub maximum_qos: QoS,
    /// Whether the broker keeps messages.
    pub retain_available: bool,
    /// The keep-alive the broker prefers to the one of CONNECT; zero turns the mechanism off.
    pub server_keep_alive: Option<Duration>,
    /// The user properties of a Countersign broker.
    pub hints: Hints,
}

impl Connack {
    pub(super) fn parse(mut body: Reader<'_>) -> Result<Self, PacketError> {
        let session_present = match body.byte()? {
            0 => false,
            1 => true,
            _ => return Err(PacketError::Value),
        };
        let mut connack = Self {
            session_present,
            reason: ReasonCode::new(body.byte()?),
            receive_maximum: u16::MAX,
            maximum_packet_size: u32::MAX,
            maximum_qos: QoS::AtLeastOnce,
            retain_available: true,
            server_keep_alive: None,
            hints: Hints::default(),
        };
        if connack.session_present && connack.reason.is_error() {
            return Err(PacketError::Value);
        }
        let mut properties = Properties::take(&mut body, Allowed::CONNACK)?;
        while let Some(property) = properties.next()? {
            match property {
                (RECEIVE_MAXIMUM | MAXIMUM_PACKET_SIZE, Value::Number(0)) => return Err(PacketError::Value),
                (RECEIVE_MAXIMUM, Value::Number(number)) => {
                    connack.receive_maximum = u16::try_from(number).unwrap_or(u16::MAX);
                }
                (MAXIMUM_PACKET_SIZE, Value::Number(number)) => connack.maximum_packet_size = number,
                (MAXIMUM_QOS, Value::Number(0)) => connack.maximum_qos = QoS::AtMostOnce,
                (RETAIN_AVAILABLE, Value::Number(number)) => connack.retain_available = number == 1,
                (SERVER_KEEP_ALIVE, Value::Number(number)) => {
                    connack.server_keep_alive = Some(Duration::from_secs(u64::from(number)));
                }
                (_, Value::Pair(name, value)) => connack.hints.note(name, value),
                _ => {}
            }
        }
        body.end()?;
        Ok(connack)
    }
}
