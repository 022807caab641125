//! How connections end: the kinds of causes that logs carry, and which of them are refusals.
//!
//! The device and the gateway have evidence of different kinds for an end (embedded-tls and our own codec here, rustls
//! and rumqttc there); what they call it and what follows from it is decided here for both.

use crate::mqtt::ReasonCode;

/// How an attempt or a session ended, as far as the next attempt is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Network, timeouts, a broker that shuts down or is busy: worth trying again.
    Lost,
    /// The broker refused this device, with a reason code or by closing before its CONNACK.
    Refused,
}

impl Ending {
    /// The meaning of a CONNACK that refuses: some reasons are about a busy broker, all others about this device.
    pub const fn by_connack(reason: ReasonCode) -> Self {
        match reason {
            ReasonCode::SERVER_UNAVAILABLE
            | ReasonCode::SERVER_BUSY
            | ReasonCode::QUOTA_EXCEEDED
            | ReasonCode::CONNECTION_RATE_EXCEEDED => Self::Lost,
            _ => Self::Refused,
        }
    }

    /// The meaning of a DISCONNECT of the broker: two of its reasons are about this device.
    pub const fn by_disconnect(reason: ReasonCode) -> Self {
        match reason {
            ReasonCode::ADMINISTRATIVE_ACTION | ReasonCode::NOT_AUTHORIZED => Self::Refused,
            _ => Self::Lost,
        }
    }

    /// The meaning of a SUBACK that refuses the subscription to commands.
    pub const fn by_suback(reason: ReasonCode) -> Self {
        match reason {
            ReasonCode::NOT_AUTHORIZED => Self::Refused,
            _ => Self::Lost,
        }
    }
}

/// The kind of cause that ended a connection or an attempt, as logs carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseKind {
    /// No TCP connection.
    Unreachable,
    /// The server has not proved to be the broker of the image.
    BrokerNotTrusted,
    /// No usable time to judge certificates by: the clock is behind the time floor, or there is none.
    Clock,
    /// TLS broke down without a verdict on either side's certificate.
    Tls,
    /// The broker's TLS refused the device's certificate with an alert. Gateways only: a device has it as
    /// [`ClosedBeforeConnack`](Self::ClosedBeforeConnack).
    Alert,
    /// The broker closed the connection before its CONNACK.
    ClosedBeforeConnack,
    /// The CONNACK refused.
    Connack,
    /// The broker sent DISCONNECT.
    Disconnect,
    /// The SUBACK refused the subscription to commands. Devices only: a gateway warns, and stays for its telemetry.
    Suback,
    /// A session broke off.
    ConnectionLost,
    /// A deadline passed.
    Timeout,
    /// The broker broke the rules of MQTT.
    Protocol,
}

impl CauseKind {
    /// Its name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::BrokerNotTrusted => "broker_not_trusted",
            Self::Clock => "clock",
            Self::Tls => "tls",
            Self::Alert => "alert",
            Self::ClosedBeforeConnack => "closed_before_connack",
            Self::Connack => "connack",
            Self::Disconnect => "disconnect",
            Self::Suback => "suback",
            Self::ConnectionLost => "connection_lost",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        }
    }
}
