//! How a healthy client fares, whatever others do.

use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::packet::Packet;
use load::site::Identity;
use load::spread::Spread;

use crate::server::Server;

const VISITS: usize = 500;

/// How long a client took to be let in, and a message to come through.
pub(super) struct Health {
    pub(super) connect: Spread,
    pub(super) message: Spread,
}

impl Health {
    /// Visits, one after the other.
    pub(super) async fn of(server: &Server, device: &Identity, service: &mut Client) -> Result<Self, Lost> {
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
