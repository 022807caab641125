//! [`SessionEnd`]: why a connection ended, and what follows from it.

use std::fmt;

use authenticator::reason::{Reason, Refusal};
use device_identity::user_property::RETRY_AFTER;
use mqtt::frame::FrameError;
use mqtt::{Disconnect, DisconnectReasonCode, Packet, ReadError, Text, WriteError};

use crate::engine::EngineError;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum SessionEnd {
    /// The client sent DISCONNECT (MQTT 5 §3.14); `with_will` if it wants its will published all the same.
    Disconnected { with_will: bool },
    /// The client is gone without DISCONNECT.
    Lost(ReadError),
    /// The client takes nothing that is written to it.
    NotReading(WriteError),
    /// No packet for one and a half times the keep-alive.
    KeepAlive,
    /// The client broke the protocol.
    Protocol { code: DisconnectReasonCode, what: String },
    /// The certificate is no longer good, or the client did what its permit does not allow.
    Refused(Refusal),
    /// The same client has connected again.
    TakenOver,
    /// An operator closed it.
    Kicked,
    /// The broker stops.
    Stopping,
    /// The engine did not answer in time.
    EngineBusy,
    /// The engine has stopped.
    EngineStopped,
}

impl SessionEnd {
    /// A breach of the protocol, with the reason code that says which.
    pub(crate) fn protocol(code: DisconnectReasonCode, what: impl Into<String>) -> Self {
        Self::Protocol { code, what: what.into() }
    }

    /// The end that follows from a failed read.
    pub(crate) fn read(error: ReadError) -> Self {
        match error {
            ReadError::Frame(frame @ FrameError::TooLarge { .. }) => {
                Self::protocol(DisconnectReasonCode::PacketTooLarge, frame.to_string())
            }
            ReadError::Frame(frame) => {
                Self::protocol(DisconnectReasonCode::MalformedPacket, frame.to_string())
            }
            other => Self::Lost(other),
        }
    }

    /// What the engine's failure means for a connection.
    pub(super) fn engine(error: &EngineError) -> Self {
        match error {
            EngineError::Busy | EngineError::Lost | EngineError::Refused(_) => Self::EngineBusy,
            EngineError::Stopped | EngineError::Start(_) => Self::EngineStopped,
        }
    }

    /// The last packet a client of MQTT 5 gets; 3.1.1 has none for this.
    pub(super) fn packet(&self) -> Option<Packet> {
        let code = match self {
            Self::Disconnected { .. } | Self::Lost(_) | Self::NotReading(_) => return None,
            Self::KeepAlive => DisconnectReasonCode::KeepAliveTimeout,
            Self::Protocol { code, .. } => *code,
            Self::Refused(refusal) => refusal_code(refusal),
            Self::TakenOver => DisconnectReasonCode::SessionTakenOver,
            Self::Kicked => DisconnectReasonCode::AdministrativeAction,
            Self::EngineBusy => DisconnectReasonCode::ServerBusy,
            Self::Stopping | Self::EngineStopped => DisconnectReasonCode::ServerShuttingDown,
        };
        // Never without a reason string: Eclipse Paho for Python overlooks the code of a DISCONNECT without properties.
        let words = match self {
            Self::Protocol { what, .. } => what.clone(),
            Self::Refused(refusal) => refusal.reason.to_string(),
            other => other.to_string(),
        };
        let hint = |seconds: u32| (Text::from_static(RETRY_AFTER), Text::from(seconds.to_string()));
        Some(Packet::Disconnect(Disconnect {
            reason_string: Some(Text::from(words)),
            user_properties: self.retry_after().map(hint).into_iter().collect(),
            ..Disconnect::new(code)
        }))
    }

    /// How long an agent should stay away, in seconds; it adds up to a quarter, so that not all come at once.
    const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::EngineBusy => Some(5),
            Self::EngineStopped => Some(10),
            _ => None,
        }
    }

    /// Whether the last will is published. Only DISCONNECT withdraws it (MQTT 5 §3.14.4).
    pub(super) fn publishes_will(&self) -> bool {
        !matches!(self, Self::Disconnected { with_will: false })
    }

    /// Whether the session ends with the connection, whatever the client had asked for.
    pub(super) fn ends_session(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.ends_session(),
            Self::Kicked | Self::Stopping | Self::EngineStopped => true,
            _ => false,
        }
    }
}

/// The reason code of a refusal. An agent takes either for a refusal, and backs off.
fn refusal_code(refusal: &Refusal) -> DisconnectReasonCode {
    match refusal.reason {
        Reason::Revoked | Reason::Suspended | Reason::StaleCrl | Reason::OcspUnavailable => {
            DisconnectReasonCode::AdministrativeAction
        }
        _ => DisconnectReasonCode::NotAuthorized,
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected { .. } => f.write_str("the client disconnected"),
            Self::Lost(error) => error.fmt(f),
            Self::NotReading(error) => error.fmt(f),
            Self::KeepAlive => f.write_str("nothing was heard for one and a half times the keep-alive"),
            Self::Protocol { what, .. } => write!(f, "protocol error: {what}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::TakenOver => f.write_str("the same client connected again"),
            Self::Kicked => f.write_str("an operator closed it"),
            Self::Stopping => f.write_str("the broker stops"),
            Self::EngineBusy => f.write_str("the MQTT engine did not answer in time"),
            Self::EngineStopped => f.write_str("the MQTT engine has stopped"),
        }
    }
}
