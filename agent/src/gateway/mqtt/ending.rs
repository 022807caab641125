//! Why a connection ended: rumqttc's and rustls's errors → [`Ended`].

use std::io;
use std::time::Duration;

use device_identity::user_property::RETRY_AFTER;
use rumqttc::v5::mqttbytes::Error as PacketError;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Disconnect, DisconnectReasonCode, Packet};
use rumqttc::v5::{ConnectionError, Event, EventLoop, StateError, TlsError};
use rustls::AlertDescription;

use crate::session::Ending;

/// The end of a connection, or of an attempt to have one.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Ended {
    /// What it means for the next attempt.
    pub(in crate::gateway) ending: Ending,
    /// The kind of reason.
    pub(in crate::gateway) cause: Cause,
    /// The reason in words.
    pub(in crate::gateway) detail: String,
    /// How long the broker asked us to stay away.
    pub(in crate::gateway) retry_after: Option<Duration>,
}

/// Kinds of reasons, as the log carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Cause {
    /// No TCP connection.
    Unreachable,
    /// We do not take this server for our broker.
    BrokerNotTrusted,
    /// The system clock is behind the image's time floor.
    Clock,
    /// TLS broke down without an alert or a verdict.
    Tls,
    /// The broker's TLS refused our certificate.
    Alert,
    /// The broker closed the connection before its CONNACK.
    ClosedBeforeConnack,
    /// The CONNACK said no.
    Connack,
    /// The broker sent DISCONNECT.
    Disconnect,
    /// A session broke off.
    ConnectionLost,
    /// A deadline passed.
    Timeout,
    /// The broker broke the rules of MQTT.
    Protocol,
}

impl Cause {
    /// Its name in the log.
    pub(in crate::gateway) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::BrokerNotTrusted => "broker_not_trusted",
            Self::Clock => "clock",
            Self::Tls => "tls",
            Self::Alert => "alert",
            Self::ClosedBeforeConnack => "closed_before_connack",
            Self::Connack => "connack",
            Self::Disconnect => "disconnect",
            Self::ConnectionLost => "connection_lost",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        }
    }
}

impl Ended {
    /// Worth another try.
    pub(in crate::gateway) fn lost(cause: Cause, detail: impl Into<String>) -> Self {
        Self { ending: Ending::Lost, cause, detail: detail.into(), retry_after: None }
    }

    fn refused(cause: Cause, detail: impl Into<String>) -> Self {
        Self { ending: Ending::Refused, cause, detail: detail.into(), retry_after: None }
    }

    /// Reads the error that ended `event_loop`; `online` says whether there had been a CONNACK.
    pub(in crate::gateway) fn from_error(
        error: &ConnectionError,
        online: bool,
        event_loop: &EventLoop,
    ) -> Self {
        // The event loop reports the DISCONNECT as an error without its properties, and keeps the packet.
        let packet = event_loop.state.events.iter().rev().find_map(|event| match event {
            Event::Incoming(Packet::Disconnect(packet)) => Some(packet),
            _ => None,
        });
        if let Some(packet) = packet {
            return Self::by_disconnect(packet);
        }
        match error {
            ConnectionError::Timeout(_) => {
                Self::lost(Cause::Timeout, "no CONNACK before the deadline of the connection")
            }
            ConnectionError::Io(error) => Self::lost(Cause::Unreachable, error.to_string()),
            ConnectionError::Tls(TlsError::Io(error)) => Self::by_io(error, online),
            ConnectionError::Tls(TlsError::TLS(error)) => Self::by_tls(error),
            ConnectionError::Tls(error) => Self::lost(Cause::Tls, error.to_string()),
            ConnectionError::ConnectionRefused(code) => Self::by_connack(*code),
            ConnectionError::NotConnAck(packet) => match packet.as_ref() {
                Packet::Disconnect(packet) => Self::by_disconnect(packet),
                _ => Self::lost(Cause::Protocol, "the first packet of the broker was no CONNACK"),
            },
            ConnectionError::MqttState(StateError::Deserialization(PacketError::Io(error)))
            | ConnectionError::MqttState(StateError::Io(error)) => Self::by_io(error, online),
            ConnectionError::MqttState(StateError::ConnectionAborted) => Self::by_close(online),
            ConnectionError::MqttState(StateError::AwaitPingResp) => {
                Self::lost(Cause::Timeout, "the broker no longer answers pings")
            }
            ConnectionError::MqttState(error) => Self::lost(Cause::Protocol, error.to_string()),
            ConnectionError::RequestsDone => Self::lost(Cause::ConnectionLost, "the session was given up"),
        }
    }

    fn by_io(error: &io::Error, online: bool) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::by_tls(error),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => Self::by_close(online),
                _ => Self::lost(Cause::ConnectionLost, error.to_string()),
            },
        }
    }

    fn by_close(online: bool) -> Self {
        if online {
            Self::lost(Cause::ConnectionLost, "the broker closed the connection")
        } else {
            Self::refused(Cause::ClosedBeforeConnack, "the broker closed the connection before its CONNACK")
        }
    }

    fn by_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(AlertDescription::InternalError) => {
                Self::lost(Cause::Tls, "the broker's TLS failed (alert InternalError)")
            }
            rustls::Error::AlertReceived(alert) => Self::refused(
                Cause::Alert,
                format!("the broker refused our certificate (TLS alert {alert:?})"),
            ),
            rustls::Error::InvalidCertificate(error) => {
                Self::lost(Cause::BrokerNotTrusted, format!("the server is not our broker: {error}"))
            }
            rustls::Error::FailedToGetCurrentTime => Self::lost(
                Cause::Clock,
                "the system clock is behind the time floor of the image; set the clock",
            ),
            error => Self::lost(Cause::Tls, error.to_string()),
        }
    }

    fn by_connack(code: ConnectReturnCode) -> Self {
        let detail = format!("CONNACK {code:?}");
        match code {
            ConnectReturnCode::ServerUnavailable
            | ConnectReturnCode::ServiceUnavailable
            | ConnectReturnCode::ServerBusy
            | ConnectReturnCode::QuotaExceeded
            | ConnectReturnCode::ConnectionRateExceeded => Self::lost(Cause::Connack, detail),
            _ => Self::refused(Cause::Connack, detail),
        }
    }

    fn by_disconnect(packet: &Disconnect) -> Self {
        let code = packet.reason_code;
        let properties = packet.properties.as_ref();
        let words = properties.and_then(|properties| properties.reason_string.as_deref());
        let detail = match words {
            Some(words) => format!("DISCONNECT 0x{:02x} {code:?}: {}", code as u8, printable(words)),
            None => format!("DISCONNECT 0x{:02x} {code:?}", code as u8),
        };
        let mut ended = match code {
            DisconnectReasonCode::AdministrativeAction | DisconnectReasonCode::NotAuthorized => {
                Self::refused(Cause::Disconnect, detail)
            }
            _ => Self::lost(Cause::Disconnect, detail),
        };
        ended.retry_after = properties.and_then(|properties| retry_after(&properties.user_properties));
        ended
    }
}

fn retry_after(user_properties: &[(String, String)]) -> Option<Duration> {
    let (_, seconds) = user_properties.iter().find(|(name, _)| name == RETRY_AFTER)?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// A peer's words, for a log line: no control characters, not endless.
fn printable(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}
