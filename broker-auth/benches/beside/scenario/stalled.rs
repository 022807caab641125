//! A healthy client among thousands that have stopped half way.

use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::{Packet, QoS, Version};
use load::site::{Identity, Site};
use load::spread::Spread;
use tokio::net::TcpStream;

use super::{AT_ONCE, Figures, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// Of each kind: in the handshake, before CONNECT, in the middle of a packet.
const STALLED: u64 = 1_000;

const VISITS: usize = 300;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::start(kind, site).await?;
    let address = server.address();
    let count = scale.of(STALLED);
    let healthy = site.device(0);
    let mut service = connect_all(&server, &[site.service(0)]).await?.remove(0);
    service.subscribe("devices/+/telemetry/#", QoS::AtMostOnce).await?;
    let alone = Health::of(&server, &healthy, &mut service).await?;

    let mut half_way = connect_all(&server, &site.devices(1..1 + count)).await?;
    for client in &mut half_way {
        let publish = client.writer().publish("devices/device-000001/telemetry/a", &[0; 100]);
        client.send(publish.get(..60).unwrap_or_default()).await?;
    }
    let before_connect =
        concurrent::each(AT_ONCE, site.devices(10_000..10_000 + count), |device| async move {
            Client::dial(address, &device, Version::V5).await
        })
        .await;
    let before_connect: Vec<Client> = before_connect.into_iter().collect::<Result<_, Lost>>()?;
    let mut in_handshake = Vec::new();
    for _ in 0..count {
        in_handshake.push(TcpStream::connect(address).await?);
    }
    let among = Health::of(&server, &healthy, &mut service).await?;
    let stalled = half_way.len() + before_connect.len() + in_handshake.len();
    let figures = [("connect", alone.connect, among.connect), ("message", alone.message, among.message)];
    Ok(figures
        .into_iter()
        .map(|(what, alone, among)| {
            eprintln!("  {what}: {alone} alone, {among} among {stalled} stalled");
            let ratio = among.quantile(0.5).as_secs_f64() / alone.quantile(0.5).as_secs_f64();
            Figure {
                what: format!("{what} among {stalled} stalled clients, over that alone, median"),
                unit: "times",
                value: Value::Number(ratio),
                goal: "≤ 1.5",
            }
        })
        .collect())
}

/// How long a client took to be let in, and a message to come through.
struct Health {
    connect: Spread,
    message: Spread,
}

impl Health {
    async fn of(server: &Server, device: &Identity, service: &mut Client) -> Result<Self, Lost> {
        let topic = format!("devices/{}/telemetry/pulse", device.name);
        let (mut connect, mut message): (Vec<Duration>, Vec<Duration>) = Default::default();
        for _ in 0..VISITS {
            let since = Instant::now();
            let (mut client, _) =
                Client::connect(server.address(), device, ConnectOptions::default()).await?;
            connect.push(since.elapsed());
            let since = Instant::now();
            client.send(&client.writer().publish(&topic, b"pulse")).await?;
            match service.answer().await? {
                Packet::Publish { .. } => message.push(since.elapsed()),
                other => return Err(Lost::Unexpected(other)),
            }
            client.leave().await?;
        }
        Ok(Self { connect: connect.into_iter().collect(), message: message.into_iter().collect() })
    }
}
