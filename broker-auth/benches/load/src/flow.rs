//! Messages of 64 bytes from one client to another, as fast as they go.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Client, ConnectOptions, Lost, PATIENCE};
use crate::packet::{PINGREQ, Packet, QoS};
use crate::site::Site;

const PAYLOAD: [u8; 64] = [b'x'; 64];

/// Messages on their way to the server, unacknowledged.
const WINDOW: u16 = 50;

/// A subscriber that hears nothing for so long has heard all.
const SILENCE: Duration = Duration::from_secs(3);

/// Pairs of a device and the service that hears it, connected.
pub struct Pairs {
    qos: QoS,
    pairs: Vec<(Client, String, Client)>,
}

/// What services have heard.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// So many messages.
    pub messages: u64,
    /// When the last of them was.
    pub last: Instant,
}

impl Pairs {
    /// Connects so many devices and services of `site`, which subscribe.
    ///
    /// # Errors
    /// The server refuses one.
    pub async fn connect(server: SocketAddr, site: &Site, pairs: u64, qos: QoS) -> Result<Self, Lost> {
        let mut connected = Vec::new();
        for number in 0..pairs {
            let (options, device) = (ConnectOptions::default(), site.device(number));
            let (mut service, _) = Client::connect(server, &site.service(number), options).await?;
            service.subscribe(&format!("devices/{}/telemetry/#", device.name), qos).await?;
            let (talker, _) = Client::connect(server, &device, options).await?;
            connected.push((talker, format!("devices/{}/telemetry/temperature", device.name), service));
        }
        Ok(Self { qos, pairs: connected })
    }

    /// Each device publishes `each` messages, and its service hears them.
    ///
    /// # Errors
    /// A connection ends, or the server refuses a message. The pairs are gone then.
    pub async fn talk(&mut self, each: u64) -> Result<Heard, Box<dyn Error>> {
        let qos = self.qos;
        let mut talking = JoinSet::new();
        for (mut device, topic, mut service) in self.pairs.drain(..) {
            talking.spawn(async move {
                let listening = tokio::spawn(async move {
                    let heard = listen(&mut service, each).await;
                    (service, heard)
                });
                talk(&mut device, &topic, qos, each).await?;
                let (service, heard) = listening.await?;
                Ok::<_, Box<dyn Error + Send + Sync>>(((device, topic, service), heard?))
            });
        }
        let mut all = Heard { messages: 0, last: Instant::now() };
        while let Some(talked) = talking.join_next().await {
            let (pair, (messages, last)) = talked?.map_err(|error| error.to_string())?;
            self.pairs.push(pair);
            all = Heard { messages: all.messages + messages, last: all.last.max(last) };
        }
        Ok(all)
    }

    /// Each device publishes `each` messages, one after the other and none while another is on its way: what the server does for
    /// one does not depend on how many it finds waiting. Returns how many there were.
    ///
    /// # Errors
    /// A connection ends, or the server refuses a message.
    pub async fn talk_singly(&mut self, each: u64) -> Result<u64, Lost> {
        let pairs = self.pairs.len() as u64;
        for _ in 0..each {
            for (device, topic, service) in &mut self.pairs {
                let writer = device.writer();
                match self.qos {
                    QoS::AtMostOnce => device.send(&writer.publish(topic, &PAYLOAD)).await?,
                    QoS::AtLeastOnce => {
                        device.send(&writer.publish_acknowledged(1, topic, &PAYLOAD)).await?;
                        match device.answer().await? {
                            Packet::PubAck(_, code) if code < 0x80 => {}
                            other => return Err(Lost::Unexpected(other)),
                        }
                    }
                }
                match service.answer().await? {
                    Packet::Publish { id: 0, .. } => {}
                    Packet::Publish { id, .. } => service.send(&service.writer().acknowledge(id)).await?,
                    other => return Err(Lost::Unexpected(other)),
                }
            }
        }
        Ok(each * pairs)
    }
}

/// Publishes `count` messages, in fifties with QoS 0. Returns when the server has read all of them.
///
/// # Errors
/// The connection ends, or the server refuses one.
async fn talk(device: &mut Client, topic: &str, qos: QoS, count: u64) -> Result<(), Lost> {
    let writer = device.writer();
    match qos {
        QoS::AtMostOnce => {
            let batch: Bytes = (0..WINDOW).flat_map(|_| writer.publish(topic, &PAYLOAD)).collect();
            for _ in 0..count / u64::from(WINDOW) {
                device.send(&batch).await?;
            }
        }
        QoS::AtLeastOnce => {
            let (mut sent, mut acknowledged) = (0, 0);
            let mut batch = BytesMut::new();
            while acknowledged < count {
                while sent < count && sent - acknowledged < u64::from(WINDOW) {
                    let id = (sent % 60_000) as u16 + 1;
                    batch.extend_from_slice(&writer.publish_acknowledged(id, topic, &PAYLOAD));
                    sent += 1;
                }
                if !batch.is_empty() {
                    device.send(&batch.split()).await?;
                }
                let mut packet = Some(device.answer().await?);
                while let Some(answer) = packet {
                    match answer {
                        Packet::PubAck(_, code) if code < 0x80 => acknowledged += 1,
                        other => return Err(Lost::Unexpected(other)),
                    }
                    packet = device.heard();
                }
            }
        }
    }
    // The connection stays until the server has read all of it.
    device.send(&PINGREQ).await?;
    device.answer().await.map(drop)
}

/// Hears `count` messages at most, and acknowledges them: how many there were, and when the last was.
///
/// # Errors
/// The connection ends, or something else comes than messages.
async fn listen(service: &mut Client, count: u64) -> Result<(u64, Instant), Lost> {
    let writer = service.writer();
    let (mut heard, mut last) = (0, Instant::now());
    let mut acknowledgements = BytesMut::new();
    while heard < count {
        let patience = if heard == 0 { PATIENCE } else { SILENCE };
        let Ok(packet) = timeout(patience, service.hear()).await else { break };
        let mut packet = Some(packet?);
        while let Some(message) = packet {
            let Packet::Publish { id, .. } = message else { return Err(Lost::Unexpected(message)) };
            heard += 1;
            if id > 0 {
                acknowledgements.extend_from_slice(&writer.acknowledge(id));
            }
            packet = service.heard();
        }
        last = Instant::now();
        if !acknowledgements.is_empty() {
            service.send(&acknowledgements.split()).await?;
        }
    }
    Ok((heard, last))
}
