//! A device arrives in a fleet of a thousand, of four, of sixteen: connects, subscribes to its commands, says one thing.

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::packet::QoS;
use load::site::{Identity, Site};

use super::{AT_ONCE, Figures, Meter, Scale};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// So many devices are there already.
pub(crate) const FLEETS: [u64; 3] = [1_000, 4_000, 16_000];

/// What the names of the figures begin with.
pub(crate) const PREFIX: &str = "server CPU per device that arrives among";

/// So many arrive.
const ARRIVALS: u64 = 500;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::start(kind, site).await?;
    let mut here: Vec<Client> = Vec::new();
    let mut number = 0;
    let mut figures = Vec::new();
    for fleet in FLEETS {
        let fleet = scale.connections(fleet);
        let missing = fleet - here.len() as u64;
        here.extend(arrive(&server, site.devices(number..number + missing)).await?);
        number += missing;
        let count = scale.of(ARRIVALS);
        let guests = site.devices(number..number + count);
        number += count;
        let meter = Meter::start(server.process())?;
        here.extend(arrive(&server, guests).await?);
        figures.push(Figure {
            what: format!("{PREFIX} {fleet}"),
            unit: "ms",
            value: Value::Number(meter.milliseconds_each(count)?),
            goal: "the same for every fleet",
        });
    }
    Ok(figures)
}

async fn arrive(server: &Server, devices: Vec<Identity>) -> Result<Vec<Client>, Lost> {
    let address = server.address();
    let here = concurrent::each(AT_ONCE, devices, |device| async move {
        let (mut client, _) = Client::connect(address, &device, ConnectOptions::default()).await?;
        client.subscribe(&format!("devices/{}/commands/#", device.name), QoS::AtLeastOnce).await?;
        client.publish(&format!("devices/{}/telemetry/hello", device.name), b"here I am").await?;
        Ok(client)
    })
    .await;
    here.into_iter().collect()
}
