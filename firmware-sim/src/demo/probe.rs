//! A probe: one attempt to connect or publish, with any credentials, and the broker's answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::mqttbytes::{Error as PacketError, QoS};
use rumqttc::v5::{ConnectionError, Event, StateError, TlsError};
use rustls::ClientConfig;

use super::error::DemoError;
use super::service::client;
use super::tls::setup;

/// How long the broker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the probe attempts.
pub(super) enum ProbeAction<'a> {
    /// To connect.
    Connect,
    /// To connect, and to publish to this topic with QoS 1.
    Publish { topic: &'a str },
}

/// The broker's answer to a probe.
pub(super) struct ProbeResult {
    /// Whether the broker let the client connect, or accepted the message.
    pub(super) accepted: bool,
    /// The answer in the terms of the protocol: a CONNACK, a PUBACK, a TLS alert.
    pub(super) answer: String,
    pub(super) took: Duration,
}

/// Connects with `client_id` and performs `action`.
pub(super) fn probe(
    client_id: &str,
    port: u16,
    tls: Arc<ClientConfig>,
    action: &ProbeAction<'_>,
) -> Result<ProbeResult, DemoError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(setup)?;
    let start = Instant::now();
    let (client, mut event_loop) = client(client_id, port, tls);
    if let ProbeAction::Publish { topic } = action {
        client.try_publish(*topic, QoS::AtLeastOnce, false, "from an impostor").map_err(setup)?;
    }
    let exchange = async {
        loop {
            match event_loop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) if matches!(action, ProbeAction::Connect) => {
                    return (true, "CONNACK Success".to_owned());
                }
                Ok(Event::Incoming(Packet::PubAck(puback))) => {
                    let accepted =
                        matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
                    return (accepted, format!("PUBACK {:?}", puback.reason));
                }
                Ok(_) => {}
                Err(error) => return (false, refusal(&error)),
            }
        }
    };
    let (accepted, answer) = runtime
        .block_on(async { tokio::time::timeout(ANSWER_TIMEOUT, exchange).await })
        .unwrap_or_else(|_| (false, "no answer".to_owned()));
    Ok(ProbeResult { accepted, answer, took: start.elapsed() })
}

/// Why a connection ended, in the terms of the protocol that ended it: CONNACK, TLS alert, or the socket error.
fn refusal(error: &ConnectionError) -> String {
    let io = match error {
        ConnectionError::ConnectionRefused(code) => return format!("CONNACK {code:?}"),
        ConnectionError::Tls(TlsError::Io(io)) => Some(io),
        ConnectionError::MqttState(StateError::Deserialization(PacketError::Io(io))) => Some(io),
        _ => None,
    };
    let carried = io.and_then(|io| io.get_ref()).and_then(|carried| carried.downcast_ref::<rustls::Error>());
    match carried {
        Some(rustls::Error::AlertReceived(alert)) => format!("TLS alert {alert:?}"),
        _ => error.to_string(),
    }
}
