//! Somebody who knocks at the broker with whatever papers, and what the broker answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::mqttbytes::{Error as PacketError, QoS};
use rumqttc::v5::{ConnectionError, Event, StateError, TlsError};
use rustls::ClientConfig;

use super::service::client;
use super::tls::setup;
use super::trouble::Trouble;

/// How long the broker may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a visitor wants.
pub(super) enum Errand<'a> {
    /// To be let in.
    Enter,
    /// To publish on this topic.
    Publish { topic: &'a str },
}

/// What became of it.
pub(super) struct Answer {
    pub(super) let_in: bool,
    pub(super) words: String,
    pub(super) took: Duration,
}

/// Connects as `client_id`, and does the errand.
pub(super) fn knock(
    client_id: &str,
    port: u16,
    tls: Arc<ClientConfig>,
    errand: &Errand<'_>,
) -> Result<Answer, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(setup)?;
    let start = Instant::now();
    let (client, mut event_loop) = client(client_id, port, tls);
    if let Errand::Publish { topic } = errand {
        client.try_publish(*topic, QoS::AtLeastOnce, false, "from an impostor").map_err(setup)?;
    }
    let talk = async {
        loop {
            match event_loop.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) if matches!(errand, Errand::Enter) => {
                    return (true, "CONNACK Success".to_owned());
                }
                Ok(Event::Incoming(Packet::PubAck(puback))) => {
                    let accepted =
                        matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers);
                    return (accepted, format!("PUBACK {:?}", puback.reason));
                }
                Ok(_) => {}
                Err(error) => return (false, words(&error)),
            }
        }
    };
    let (let_in, words) = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, talk).await })
        .unwrap_or_else(|_| (false, "no answer".to_owned()));
    Ok(Answer { let_in, words, took: start.elapsed() })
}

/// The end of a connection, in the words of the protocol that ended it.
fn words(error: &ConnectionError) -> String {
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
