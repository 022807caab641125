//! Full handshakes: connect, be let in, leave.

use load::client::{Client, ConnectOptions};
use load::concurrent;
use load::site::Site;

use super::{AT_ONCE, Figures, Meter, Scale};
use crate::floor;
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// Devices; each connects more than once.
const DEVICES: u64 = 100;
const HANDSHAKES: u64 = 16_000;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::start_unpaced(kind, site).await?;
    let address = server.address();
    let devices = site.devices(0..DEVICES);
    let count = scale.of(HANDSHAKES);
    let visits = (0..count).map(|number| devices[(number % DEVICES) as usize].clone());
    let meter = Meter::start(server.process())?;
    let left = concurrent::each(AT_ONCE, visits, |device| async move {
        let (client, _) = Client::connect(address, &device, ConnectOptions::default()).await?;
        Ok::<_, load::client::Lost>(client.leave().await?)
    })
    .await;
    left.into_iter().collect::<Result<(), _>>()?;
    let cost = meter.milliseconds_each(count)?;
    let floor = floor::crypto().map_err(|_| "ring refuses its own key")?.as_secs_f64() * 1e3;
    Ok(vec![
        Figure {
            what: "server CPU per full handshake, CONNECT and DISCONNECT".into(),
            unit: "ms",
            value: Value::Number(cost),
            goal: "≤ 0.30 × mosquitto",
        },
        Figure {
            what: "the same, in multiples of its public-key work".into(),
            unit: "×",
            value: Value::Number(cost / floor),
            goal: "≤ 1.5",
        },
    ])
}
