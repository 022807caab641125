//! The back end: a service client in this process, subscribed to the telemetry and status of all devices.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use super::error::DemoError;
use super::fleet::Fleet;
use super::tls::{self, Credentials, setup};

/// The name of the service, and its MQTT client id.
pub(super) const NAME: &str = "dashboard";

/// How long the broker may take to connect, and a message to arrive.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Length of the client's request queue.
const REQUEST_QUEUE_LEN: usize = 16;

/// A connected service.
pub(super) struct Service {
    client: AsyncClient,
    events: Receiver<ServiceEvent>,
}

/// What the service receives.
enum ServiceEvent {
    Subscribed,
    Message {
        at: Instant,
        topic: String,
        payload: String,
    },
    /// The session ended, for this reason.
    Disconnected(String),
}

impl Service {
    /// Connects with the certificate of the service, and subscribes.
    pub(super) fn connect(fleet: &Fleet, port: u16) -> Result<Self, DemoError> {
        let credentials = Credentials::read(&fleet.service_credentials(NAME))?;
        let tls = tls::client(&fleet.broker_root(), Some(&credentials))?;
        let (sender, events) = channel();
        let (client, event_loop) = client(NAME, port, tls);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(setup)?;
        std::thread::spawn(move || runtime.block_on(listen(event_loop, &sender)));
        let filters = ["devices/+/telemetry/#", "devices/+/status"];
        let filters = filters.map(|filter| Filter::new(filter, QoS::AtLeastOnce));
        client.try_subscribe_many(filters).map_err(setup)?;
        let service = Self { client, events };
        service.next("the subscription of the service", |event| matches!(event, ServiceEvent::Subscribed))?;
        Ok(service)
    }

    /// Publishes a command to a device.
    pub(super) fn send_command(&self, topic: &str, payload: &str) -> Result<(), DemoError> {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload.to_owned()).map_err(setup)
    }

    /// Waits for a message on `topic`. Returns the time of its arrival, and its payload.
    pub(super) fn wait_for_message(&self, topic: &str) -> Result<(Instant, String), DemoError> {
        let wanted = |event: &ServiceEvent| matches!(event, ServiceEvent::Message { topic: found, .. } if found == topic);
        match self.next(&format!("a message on {topic}"), wanted)? {
            ServiceEvent::Message { at, payload, .. } => Ok((at, payload)),
            ServiceEvent::Subscribed | ServiceEvent::Disconnected(_) => {
                Err(DemoError::Setup("no message".into()))
            }
        }
    }

    /// Discards the messages received so far.
    pub(super) fn discard_received(&self) {
        self.events.try_iter().for_each(drop);
    }

    /// Waits for messages on `count` different topics that end with `ending`.
    pub(super) fn wait_for_topics(&self, count: usize, ending: &str) -> Result<(), DemoError> {
        let mut topics = std::collections::BTreeSet::new();
        self.next(&format!("{count} devices saying {ending}"), |event| {
            if let ServiceEvent::Message { topic, .. } = event
                && topic.ends_with(ending)
            {
                topics.insert(topic.clone());
            }
            topics.len() >= count
        })?;
        Ok(())
    }

    fn next(
        &self,
        what: &str,
        mut wanted: impl FnMut(&ServiceEvent) -> bool,
    ) -> Result<ServiceEvent, DemoError> {
        let start = Instant::now();
        let mut last = String::new();
        loop {
            match self.events.recv_timeout(MESSAGE_TIMEOUT.saturating_sub(start.elapsed())) {
                Ok(event) if wanted(&event) => return Ok(event),
                Ok(ServiceEvent::Message { topic, payload, .. }) => last = format!("{topic} {payload}"),
                Ok(ServiceEvent::Subscribed) => {}
                Ok(ServiceEvent::Disconnected(why)) => {
                    let last = format!("the session of the service ended: {why}");
                    return Err(DemoError::Timeout { what: what.to_owned(), waited: start.elapsed(), last });
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(DemoError::Timeout { what: what.to_owned(), waited: start.elapsed(), last });
                }
            }
        }
    }
}

/// An MQTT 5 client of `127.0.0.1:port`.
pub(super) fn client(
    client_id: &str,
    port: u16,
    tls: Arc<ClientConfig>,
) -> (AsyncClient, rumqttc::v5::EventLoop) {
    let mut network = NetworkOptions::new();
    // Nagle's algorithm would add its delay to the times that the demo prints.
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)))
        .set_connection_timeout(MESSAGE_TIMEOUT.as_secs())
        .set_network_options(network);
    AsyncClient::new(options, REQUEST_QUEUE_LEN)
}

/// Forwards what the broker sends, until the session ends or the receiver is dropped.
async fn listen(mut event_loop: rumqttc::v5::EventLoop, sender: &Sender<ServiceEvent>) {
    loop {
        let event = match event_loop.poll().await {
            Ok(Event::Incoming(Packet::SubAck(_))) => ServiceEvent::Subscribed,
            Ok(Event::Incoming(Packet::Publish(Publish { topic, payload, .. }))) => ServiceEvent::Message {
                at: Instant::now(),
                topic: String::from_utf8_lossy(&topic).into_owned(),
                payload: String::from_utf8_lossy(&payload).into_owned(),
            },
            Ok(_) => continue,
            Err(error) => {
                // The receiver is gone when the demo has ended.
                let _ = sender.send(ServiceEvent::Disconnected(error.to_string()));
                return;
            }
        };
        if sender.send(event).is_err() {
            return;
        }
    }
}
