//! Why a connection ended: rumqttc's and rustls's errors → [`ConnectionEnd`].

use std::io;
use std::time::Duration;

use device_identity::user_property::RETRY_AFTER;
use rumqttc::v5::mqttbytes::Error as PacketError;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Disconnect, Packet};
use rumqttc::v5::{ConnectionError, Event, EventLoop, StateError, TlsError};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

use crate::ending::{CauseKind, Ending};
use crate::gateway::clock::date;
use crate::mqtt::ReasonCode;

/// The end of a connection, or of an attempt to have one.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct ConnectionEnd {
    /// What it means for the next attempt.
    pub(in crate::gateway) ending: Ending,
    /// The kind of reason.
    pub(in crate::gateway) cause: CauseKind,
    /// The reason in words.
    pub(in crate::gateway) detail: String,
    /// How long the broker asked us to stay away.
    pub(in crate::gateway) retry_after: Option<Duration>,
}

impl ConnectionEnd {
    fn by(ending: Ending, cause: CauseKind, detail: impl Into<String>) -> Self {
        Self { ending, cause, detail: detail.into(), retry_after: None }
    }

    /// Worth another try.
    pub(in crate::gateway) fn lost(cause: CauseKind, detail: impl Into<String>) -> Self {
        Self::by(Ending::Lost, cause, detail)
    }

    fn refused(cause: CauseKind, detail: impl Into<String>) -> Self {
        Self::by(Ending::Refused, cause, detail)
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
                Self::lost(CauseKind::Timeout, "no CONNACK before the deadline of the connection")
            }
            ConnectionError::Io(error) => Self::lost(CauseKind::Unreachable, error.to_string()),
            ConnectionError::Tls(TlsError::Io(error)) => Self::by_io(error, online),
            ConnectionError::Tls(TlsError::TLS(error)) => Self::by_tls(error),
            ConnectionError::Tls(error) => Self::lost(CauseKind::Tls, error.to_string()),
            ConnectionError::ConnectionRefused(code) => Self::by_connack(*code),
            ConnectionError::NotConnAck(packet) => match packet.as_ref() {
                Packet::Disconnect(packet) => Self::by_disconnect(packet),
                _ => Self::lost(CauseKind::Protocol, "the first packet of the broker was no CONNACK"),
            },
            ConnectionError::MqttState(StateError::Deserialization(PacketError::Io(error)))
            | ConnectionError::MqttState(StateError::Io(error)) => Self::by_io(error, online),
            ConnectionError::MqttState(StateError::ConnectionAborted) => Self::by_close(online),
            ConnectionError::MqttState(StateError::AwaitPingResp) => {
                Self::lost(CauseKind::Timeout, "the broker no longer answers pings")
            }
            ConnectionError::MqttState(error) => Self::lost(CauseKind::Protocol, error.to_string()),
            ConnectionError::RequestsDone => {
                Self::lost(CauseKind::ConnectionLost, "the session was given up")
            }
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
                _ => Self::lost(CauseKind::ConnectionLost, error.to_string()),
            },
        }
    }

    fn by_close(online: bool) -> Self {
        if online {
            Self::lost(CauseKind::ConnectionLost, "the broker closed the connection")
        } else {
            Self::refused(
                CauseKind::ClosedBeforeConnack,
                "the broker closed the connection before its CONNACK",
            )
        }
    }

    fn by_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(AlertDescription::InternalError) => {
                Self::lost(CauseKind::Tls, "the broker's TLS failed (alert InternalError)")
            }
            rustls::Error::AlertReceived(alert) => Self::refused(
                CauseKind::Alert,
                format!("the broker refused our certificate (TLS alert {alert:?})"),
            ),
            rustls::Error::InvalidCertificate(error) => {
                let detail = not_our_broker(error);
                Self::lost(CauseKind::BrokerNotTrusted, format!("the server is not our broker: {detail}"))
            }
            rustls::Error::FailedToGetCurrentTime => Self::lost(
                CauseKind::Clock,
                "the system clock is behind what has certainly passed; set the clock",
            ),
            error => Self::lost(CauseKind::Tls, error.to_string()),
        }
    }

    fn by_connack(code: ConnectReturnCode) -> Self {
        let detail = format!("CONNACK {code:?}");
        Self::by(Ending::by_connack(reason_code(code)), CauseKind::Connack, detail)
    }

    fn by_disconnect(packet: &Disconnect) -> Self {
        let code = packet.reason_code;
        let properties = packet.properties.as_ref();
        let words = properties.and_then(|properties| properties.reason_string.as_deref());
        let detail = match words {
            Some(words) => format!("DISCONNECT 0x{:02x} {code:?}: {}", code as u8, without_controls(words)),
            None => format!("DISCONNECT 0x{:02x} {code:?}", code as u8),
        };
        let ending = Ending::by_disconnect(ReasonCode::new(code as u8));
        let mut end = Self::by(ending, CauseKind::Disconnect, detail);
        end.retry_after = properties.and_then(|properties| retry_after(&properties.user_properties));
        end
    }
}

/// Why a certificate is not our broker's. Of one that is out of its time the clock may be the cause.
fn not_our_broker(error: &CertificateError) -> String {
    let (what, end, now) = match error {
        CertificateError::ExpiredContext { time, not_after } => ("ended", not_after, time),
        CertificateError::NotValidYetContext { time, not_before } => ("begins", not_before, time),
        other => return other.to_string(),
    };
    let date = |time: &UnixTime| date(i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    let (end, now) = (date(end), date(now));
    format!(
        "its certificate {what} at {end}, and the system clock says {now}; if that is wrong, set the clock"
    )
}

fn retry_after(user_properties: &[(String, String)]) -> Option<Duration> {
    let (_, seconds) = user_properties.iter().find(|(name, _)| name == RETRY_AFTER)?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// The reason code behind rumqttc's name for it, as far as [`Ending::by_connack`] tells it from others. rumqttc keeps
/// no numbers, and has names of MQTT 3.1.1 among them.
const fn reason_code(code: ConnectReturnCode) -> ReasonCode {
    match code {
        ConnectReturnCode::ServerUnavailable | ConnectReturnCode::ServiceUnavailable => {
            ReasonCode::SERVER_UNAVAILABLE
        }
        ConnectReturnCode::ServerBusy => ReasonCode::SERVER_BUSY,
        ConnectReturnCode::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        ConnectReturnCode::ConnectionRateExceeded => ReasonCode::CONNECTION_RATE_EXCEEDED,
        _ => ReasonCode::UNSPECIFIED_ERROR,
    }
}

/// A reason string of the broker for a log line: without control characters, of 200 characters at most.
fn without_controls(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}
