//! One connection: its CONNECT, its requests, and the limits its CONNACK sets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use device_identity::user_property::TIME;
use device_identity::{Channel, DeviceId, Topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, Filter, LastWill, Publish, RetainForwardRule, SubscribeProperties,
};
use rumqttc::v5::{AsyncClient, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use super::{PACKET_IDS, WINDOW};
use crate::gateway::credential::Credential;
use crate::status::OFFLINE;

/// From the first DNS packet to the CONNACK.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
/// Between pings. A dead broker is noticed after two of them.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A connection that neither pings nor hears anything for its keep alive and this long is stuck in a write.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// How long the broker keeps commands for a gateway that is away.
const SESSION_EXPIRY: Duration = Duration::from_secs(60 * 60);
/// The most commands the broker may have under way.
const RECEIVE_MAXIMUM: u16 = 32;
/// The largest packet the broker may send, in bytes.
const MAX_INCOMING: u32 = 64 * 1024;
/// Requests that can wait for the event loop: every publish and every acknowledgement, and some to spare.
const MAX_REQUESTS: usize = 128;

/// A message to be published with QoS 1.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Publication {
    /// Its topic.
    pub(in crate::gateway) topic: String,
    /// Its payload.
    pub(in crate::gateway) payload: Bytes,
    /// Whether the broker keeps it for later subscribers.
    pub(in crate::gateway) retain: bool,
}

/// What the CONNACK allows.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Limits {
    /// Publishes under way at once.
    pub(in crate::gateway) window: usize,
    /// The largest packet the broker takes, in bytes.
    pub(in crate::gateway) packet: Option<usize>,
    /// The longest time between two signs of life.
    pub(in crate::gateway) silence: Duration,
}

impl Limits {
    /// How long the event loop may be silent while it connects; its own deadline comes first.
    pub(in crate::gateway) const CONNECTING: Duration = CONNECT_DEADLINE.saturating_add(SILENCE_LIMIT);
}

/// The sending side of a connection.
pub(in crate::gateway) struct Connection {
    client: AsyncClient,
}

impl Connection {
    /// A connection to be, and the event loop that makes it when polled.
    pub(in crate::gateway) fn new(credential: &Credential, tls: &Arc<ClientConfig>) -> (Self, EventLoop) {
        let device_id = credential.device_id();
        let mut options =
            MqttOptions::new(device_id.as_str(), credential.broker_host(), credential.broker_port());
        let mut network = NetworkOptions::new();
        // An acknowledgement that waits for more to send costs the other side 40 ms.
        network.set_tcp_nodelay(true);
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))))
            .set_connection_timeout(CONNECT_DEADLINE.as_secs())
            .set_keep_alive(KEEP_ALIVE)
            .set_network_options(network)
            // The broker keeps the subscription and commands of a gateway that is away.
            .set_clean_start(false)
            .set_connect_properties(ConnectProperties {
                session_expiry_interval: u32::try_from(SESSION_EXPIRY.as_secs()).ok(),
                receive_maximum: Some(RECEIVE_MAXIMUM),
                max_packet_size: Some(MAX_INCOMING),
                ..ConnectProperties::new()
            })
            .set_outgoing_inflight_upper_limit(PACKET_IDS)
            // A command is acknowledged once it is on stdout, not before.
            .set_manual_acks(true)
            .set_last_will(LastWill::new(status_topic(device_id), OFFLINE, QoS::AtLeastOnce, true, None));
        let (client, event_loop) = AsyncClient::new(options, MAX_REQUESTS);
        (Self { client }, event_loop)
    }

    /// The limits of the CONNACK. Sets the event loop's keep alive right where the broker's is zero.
    pub(in crate::gateway) fn accepted(event_loop: &mut EventLoop, connack: &ConnAck) -> Limits {
        let properties = connack.properties.as_ref();
        let keep_alive = match properties.and_then(|properties| properties.server_keep_alive) {
            // Zero turns the mechanism off; the gateway pings all the same, or a dead broker would never be noticed.
            None | Some(0) => {
                event_loop.options.set_keep_alive(KEEP_ALIVE);
                KEEP_ALIVE
            }
            Some(seconds) => Duration::from_secs(u64::from(seconds)),
        };
        // One identifier is kept for SUBSCRIBE.
        let receive_maximum = properties.and_then(|properties| properties.receive_max).unwrap_or(u16::MAX);
        Limits {
            window: usize::from(WINDOW.min(receive_maximum.saturating_sub(1)).max(1)),
            packet: properties
                .and_then(|properties| properties.max_packet_size)
                .and_then(|size| usize::try_from(size).ok()),
            silence: keep_alive + SILENCE_LIMIT,
        }
    }

    /// The broker's clock, if its CONNACK tells it (`countersign-time`): time since the Unix epoch.
    pub(in crate::gateway) fn broker_time(connack: &ConnAck) -> Option<Duration> {
        let properties = &connack.properties.as_ref()?.user_properties;
        let (_, seconds) = properties.iter().find(|(name, _)| name == TIME)?;
        seconds.parse().ok().map(Duration::from_secs)
    }

    /// Subscribes to this device's commands. `false`: the event loop is full or gone.
    pub(in crate::gateway) fn subscribe_commands(&self, device_id: &DeviceId) -> bool {
        let commands = format!("{}/#", topic(device_id, Channel::Commands("")));
        let mut filter = Filter::new(commands, QoS::AtLeastOnce);
        // A retained command is done once, not again after every broken connection.
        filter.retain_forward_rule = RetainForwardRule::OnNewSubscribe;
        let properties = SubscribeProperties { id: None, user_properties: Vec::new() };
        self.client.try_subscribe_many_with_properties([filter], properties).is_ok()
    }

    /// Hands a message over. `false`: the event loop is full or gone.
    pub(in crate::gateway) fn publish(&self, publication: &Publication) -> bool {
        let Publication { topic, payload, retain } = publication;
        self.client.try_publish(topic.as_str(), QoS::AtLeastOnce, *retain, payload.clone()).is_ok()
    }

    /// Acknowledges a command. `false`: the event loop is full or gone.
    pub(in crate::gateway) fn acknowledge(&self, command: &Publish) -> bool {
        self.client.try_ack(command).is_ok()
    }

    /// Sends DISCONNECT; the broker then does not publish the will. `false`: the event loop is full or gone.
    pub(in crate::gateway) fn disconnect(&self) -> bool {
        self.client.try_disconnect().is_ok()
    }
}

impl Publication {
    /// A message on the device's status topic, retained.
    pub(in crate::gateway) fn status(device_id: &DeviceId, status: &'static str) -> Self {
        let payload = Bytes::from_static(status.as_bytes());
        Self { topic: status_topic(device_id), payload, retain: true }
    }

    /// Bytes of the PUBLISH packet that carries it, at most.
    pub(in crate::gateway) fn packet_len(&self) -> usize {
        // Fixed header 5, topic length 2, packet identifier 2, property length 1.
        self.topic.len() + self.payload.len() + 10
    }
}

fn status_topic(device_id: &DeviceId) -> String {
    topic(device_id, Channel::Status)
}

fn topic(device_id: &DeviceId, channel: Channel<'_>) -> String {
    // Neither channel has a part that could be refused.
    Topic::new(device_id, channel).map(|topic| topic.to_string()).unwrap_or_default()
}
