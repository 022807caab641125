//! Why a connection ended, or an attempt to have one, and what follows.

use core::fmt;
use core::time::Duration;

use crate::ending::{CauseKind, Ending};
use crate::mqtt::{PacketError, ReasonCode};
use crate::platform::ConnectError;
use crate::tls::{RecordFault, TlsError};

/// The end of a connection, or of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConnectionEnd {
    /// Why.
    pub cause: Cause,
    /// How long the broker asked the device to stay away.
    pub retry_after: Option<Duration>,
}

/// Why there is no connection any more.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Cause {
    /// No TCP connection.
    #[error(transparent)]
    Network(ConnectError),
    /// The TLS handshake failed, or the TLS stream broke.
    #[error(transparent)]
    Tls(TlsError),
    /// The broker closed the connection before its CONNACK: how TLS 1.3 and MQTT 3.1.1 brokers refuse a device.
    #[error("the broker closed the connection before its CONNACK")]
    ClosedBeforeConnack,
    /// The CONNACK refuses the device.
    #[error("CONNACK {0}")]
    Connack(ReasonCode),
    /// The broker ended the session, and said why.
    #[error("DISCONNECT {0}")]
    Disconnect(ReasonCode),
    /// The broker closed the connection without DISCONNECT.
    #[error("the broker closed the connection")]
    Closed,
    /// A deadline passed.
    #[error("{0}")]
    Deadline(Deadline),
    /// The broker broke the rules of MQTT.
    #[error("the broker breaks the rules of MQTT: {0}")]
    Protocol(PacketError),
    /// The broker does not let the device have its commands.
    #[error("SUBACK {0}")]
    Suback(ReasonCode),
    /// A packet of ours is too long for its buffer: the image names what cannot be.
    #[error("a packet does not fit into the buffer for outgoing packets")]
    Overflow,
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// That of an attempt: name, TCP, handshake and CONNACK together.
    Connect,
    /// That of the answer to a ping.
    Response,
    /// That of an acknowledgement, from a broker that does answer pings.
    Acknowledgement,
    /// That of a write: the network takes no more bytes.
    Write,
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "no session before the deadline for connecting",
            Self::Response => "the broker no longer answers",
            Self::Acknowledgement => "the broker acknowledges nothing",
            Self::Write => "the network takes nothing any more",
        })
    }
}

impl ConnectionEnd {
    pub(super) const fn by(cause: Cause) -> Self {
        Self { cause, retry_after: None }
    }

    /// What it means for the next attempt.
    pub const fn ending(&self) -> Ending {
        self.cause.ending()
    }
}

impl From<Cause> for ConnectionEnd {
    fn from(cause: Cause) -> Self {
        Self::by(cause)
    }
}

impl Cause {
    /// Its kind, as the gateway has it too.
    pub const fn kind(&self) -> CauseKind {
        match self {
            Self::Network(_) => CauseKind::Unreachable,
            Self::Tls(TlsError::NoTime | TlsError::ClockBehindFloor { .. }) => CauseKind::Clock,
            Self::Tls(TlsError::Chain(_) | TlsError::Handshake(_)) => CauseKind::BrokerNotTrusted,
            Self::Tls(_) => CauseKind::Tls,
            Self::ClosedBeforeConnack => CauseKind::ClosedBeforeConnack,
            Self::Connack(_) => CauseKind::Connack,
            Self::Disconnect(_) => CauseKind::Disconnect,
            Self::Closed => CauseKind::ConnectionLost,
            Self::Deadline(_) => CauseKind::Timeout,
            Self::Suback(_) => CauseKind::Suback,
            Self::Protocol(_) | Self::Overflow => CauseKind::Protocol,
        }
    }

    /// The name of its kind, for logs.
    pub const fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// What it means for the next attempt.
    const fn ending(&self) -> Ending {
        match self {
            Self::ClosedBeforeConnack => Ending::Refused,
            Self::Connack(reason) => Ending::by_connack(*reason),
            Self::Suback(reason) => Ending::by_suback(*reason),
            Self::Disconnect(reason) => Ending::by_disconnect(*reason),
            _ => Ending::Lost,
        }
    }

    /// Reads an error of the handshake.
    pub(super) const fn in_handshake(error: TlsError) -> Self {
        match error {
            TlsError::Dismissed => Self::ClosedBeforeConnack,
            error => Self::Tls(error),
        }
    }

    /// Reads an error of the secured stream between CONNECT and CONNACK. The broker has seen the device's certificate
    /// by then, so a close is a refusal.
    pub(super) const fn before_connack(error: TlsError) -> Self {
        match error {
            TlsError::Alert | TlsError::Record(RecordFault::Ended) => Self::ClosedBeforeConnack,
            TlsError::Transport(
                embedded_io_async::ErrorKind::ConnectionReset
                | embedded_io_async::ErrorKind::ConnectionAborted
                | embedded_io_async::ErrorKind::BrokenPipe,
            ) => Self::ClosedBeforeConnack,
            error => Self::Tls(error),
        }
    }

    /// Reads an error of the secured stream within a session.
    pub(super) const fn in_session(error: TlsError) -> Self {
        match error {
            TlsError::Record(RecordFault::Ended) => Self::Closed,
            error => Self::Tls(error),
        }
    }
}
