//! A healthy client among thousands that have stopped half way.

use load::client::{Client, Lost};
use load::concurrent;
use load::packet::{QoS, Version};
use load::site::Site;
use tokio::net::TcpStream;

use super::health::Health;
use super::{AT_ONCE, Figures, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// Of each kind: in the handshake, before CONNECT, in the middle of a packet.
const STALLED: u64 = 1_000;

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
