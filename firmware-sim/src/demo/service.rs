//! The back end: a service client in this process, subscribed to what devices say.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use super::fleet::Fleet;
use super::tls::{self, Papers, setup};
use super::trouble::Trouble;

/// The service's name, and its MQTT client id.
pub(super) const NAME: &str = "dashboard";

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests that can wait.
const REQUESTS: usize = 16;

/// A connected service.
pub(super) struct Service {
    client: AsyncClient,
    messages: Receiver<Heard>,
}

enum Heard {
    Subscribed,
    Message { at: Instant, topic: String, payload: String },
    Ended(String),
}

impl Service {
    /// Connects with the service's certificate and subscribes.
    pub(super) fn connect(fleet: &Fleet, port: u16) -> Result<Self, Trouble> {
        let papers = Papers::read(&fleet.service_papers(NAME))?;
        let tls = tls::client(&fleet.broker_root(), Some(&papers))?;
        let (heard, messages) = channel();
        let (client, event_loop) = client(NAME, port, tls);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(setup)?;
        std::thread::spawn(move || runtime.block_on(listen(event_loop, &heard)));
        let filters = ["devices/+/telemetry/#", "devices/+/status"];
        let filters = filters.map(|filter| Filter::new(filter, QoS::AtLeastOnce));
        client.try_subscribe_many(filters).map_err(setup)?;
        let service = Self { client, messages };
        service.next("the subscription of the service", |heard| matches!(heard, Heard::Subscribed))?;
        Ok(service)
    }

    /// Sends a command to a device.
    pub(super) fn command(&self, topic: &str, payload: &str) -> Result<(), Trouble> {
        self.client.try_publish(topic, QoS::AtLeastOnce, false, payload.to_owned()).map_err(setup)
    }

    /// Waits for a message on `topic`. Returns when it came, and its payload.
    pub(super) fn hears(&self, topic: &str) -> Result<(Instant, String), Trouble> {
        let wanted = |heard: &Heard| matches!(heard, Heard::Message { topic: found, .. } if found == topic);
        match self.next(&format!("a message on {topic}"), wanted)? {
            Heard::Message { at, payload, .. } => Ok((at, payload)),
            Heard::Subscribed | Heard::Ended(_) => Err(Trouble::Setup("no message".into())),
        }
    }

    /// What has been heard until now counts no more.
    pub(super) fn forgets(&self) {
        self.messages.try_iter().for_each(drop);
    }

    /// Waits until `count` different topics that start with `devices/` and end with `ending` have been heard of.
    pub(super) fn hears_from_each(&self, count: usize, ending: &str) -> Result<(), Trouble> {
        let mut topics = std::collections::BTreeSet::new();
        self.next(&format!("{count} devices saying {ending}"), |heard| {
            if let Heard::Message { topic, .. } = heard
                && topic.ends_with(ending)
            {
                topics.insert(topic.clone());
            }
            topics.len() >= count
        })?;
        Ok(())
    }

    fn next(&self, what: &str, mut wanted: impl FnMut(&Heard) -> bool) -> Result<Heard, Trouble> {
        let start = Instant::now();
        let mut last = String::new();
        loop {
            match self.messages.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(heard) if wanted(&heard) => return Ok(heard),
                Ok(Heard::Message { topic, payload, .. }) => last = format!("{topic} {payload}"),
                Ok(Heard::Subscribed) => {}
                Ok(Heard::Ended(why)) => {
                    let last = format!("the session of the service ended: {why}");
                    return Err(Trouble::Silence { what: what.to_owned(), waited: start.elapsed(), last });
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Err(Trouble::Silence { what: what.to_owned(), waited: start.elapsed(), last });
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
    // What is measured here is the broker, not how long TCP waits for more to send.
    network.set_tcp_nodelay(true);
    let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
    options
        .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)))
        .set_connection_timeout(PATIENCE.as_secs())
        .set_network_options(network);
    AsyncClient::new(options, REQUESTS)
}

/// Passes on what the broker delivers, until the session ends or nobody listens.
async fn listen(mut event_loop: rumqttc::v5::EventLoop, heard: &Sender<Heard>) {
    loop {
        let news = match event_loop.poll().await {
            Ok(Event::Incoming(Packet::SubAck(_))) => Heard::Subscribed,
            Ok(Event::Incoming(Packet::Publish(Publish { topic, payload, .. }))) => Heard::Message {
                at: Instant::now(),
                topic: String::from_utf8_lossy(&topic).into_owned(),
                payload: String::from_utf8_lossy(&payload).into_owned(),
            },
            Ok(_) => continue,
            Err(error) => {
                // The demo may be over.
                let _ = heard.send(Heard::Ended(error.to_string()));
                return;
            }
        };
        if heard.send(news).is_err() {
            return;
        }
    }
}
