//! Full handshakes: connect, be let in, leave. Devices that come for the first time, and devices that come back.

use load::client::{Client, ConnectOptions};
use load::concurrent;
use load::site::{Identity, Site};

use super::{AT_ONCE, Figures, Meter, Scale};
use crate::floor;
use crate::server::{Demands, Kind, Server};
use crate::table::{Figure, Value};

/// Devices that come for the first time, in a fleet of their own.
const FIRST: u64 = 4_000;

/// Devices that come back, and how often all of them do.
const DEVICES: u64 = 100;
const HANDSHAKES: u64 = 16_000;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::with(kind, site, &Demands::unpaced()).await?;
    let address = server.address();
    let visit_all = |devices: Vec<Identity>| async {
        let count = devices.len() as u64;
        let meter = Meter::start(server.process())?;
        let left = concurrent::each(AT_ONCE, devices, |device| async move {
            let (client, _) = Client::connect(address, &device, ConnectOptions::default()).await?;
            Ok::<_, load::client::Lost>(client.leave().await?)
        })
        .await;
        left.into_iter().collect::<Result<(), _>>()?;
        Ok::<_, Box<dyn std::error::Error>>(meter.milliseconds_each(count)?)
    };
    let devices = site.devices(0..DEVICES);
    visit_all(devices.clone()).await?;
    let visits = (0..scale.of(HANDSHAKES)).map(|number| devices[(number % DEVICES) as usize].clone());
    let again = visit_all(visits.collect()).await?;
    // Last: what it costs to know more devices is another scenario's.
    let first = visit_all(site.devices(DEVICES..DEVICES + scale.of(FIRST))).await?;
    let floor = floor::crypto().map_err(|_| "ring refuses its own key")?.as_secs_f64() * 1e3;
    Ok(vec![
        Figure {
            what: "server CPU per full handshake, CONNECT and DISCONNECT, the first".into(),
            unit: "ms",
            value: Value::Number(first),
            goal: "≤ 0.30 × mosquitto",
        },
        Figure {
            what: "the same of a device that comes back".into(),
            unit: "ms",
            value: Value::Number(again),
            goal: "≤ 0.20 × mosquitto",
        },
        Figure {
            what: "the first, in multiples of its public-key work".into(),
            unit: "×",
            value: Value::Number(first / floor),
            goal: "≤ 1.5",
        },
    ])
}
