//! What rules cost that do not match: a thousand before the one that does.

use std::error::Error;
use std::time::Duration;

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::Site;
use tokio::time::timeout;

use super::{AT_ONCE, Figures, Meter, Scale, connect_all};
use crate::server::{Demands, Kind, Server};
use crate::table::{Figure, Value};

/// With the one that matches.
const POLICIES: usize = 1_000;

const CONNECTS: u64 = 4_000;

const DEVICES: u64 = 32;

/// Of each device, one after the other.
const PUBLISHES: u64 = 500;

/// For all of it; what is not done by then is no figure.
const DEADLINE: Duration = Duration::from_secs(180);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let measured = async {
        let (one, many) =
            (Costs::with(site, kind, scale, 1).await?, Costs::with(site, kind, scale, POLICIES).await?);
        let figure = |what: &str, policies: usize, value: f64, goal| Figure {
            what: format!("server CPU per {what}, of {policies} policies the last matching"),
            unit: "ms",
            value: Value::Number(value),
            goal,
        };
        Ok(vec![
            figure("connect", 1, one.connect, ""),
            figure("connect", POLICIES, many.connect, "as with one"),
            figure("QoS 1 publish", 1, one.publish, ""),
            figure("QoS 1 publish", POLICIES, many.publish, "as with one"),
        ])
    };
    timeout(DEADLINE, measured).await?
}

/// CPU time of the server, in milliseconds.
struct Costs {
    connect: f64,
    publish: f64,
}

impl Costs {
    async fn with(site: &Site, kind: Kind, scale: Scale, policies: usize) -> Result<Self, Box<dyn Error>> {
        let demands = Demands { policies_before: policies - 1, ..Demands::unpaced() };
        let server = Server::with(kind, site, &demands).await?;
        let address = server.address();
        let devices = site.devices(0..DEVICES);
        // Once, so that what is remembered of a device is.
        drop(connect_all(&server, &devices).await?);
        let count = scale.of(CONNECTS);
        let visits = (0..count).map(|number| devices[(number % DEVICES) as usize].clone());
        let meter = Meter::start(server.process())?;
        let left = concurrent::each(AT_ONCE, visits, |device| async move {
            let (client, _) = Client::connect(address, &device, ConnectOptions::default()).await?;
            Ok::<_, Lost>(client.leave().await?)
        });
        left.await.into_iter().collect::<Result<(), _>>()?;
        let connect = meter.milliseconds_each(count)?;

        let clients = connect_all(&server, &devices).await?;
        let each = scale.of(PUBLISHES);
        let meter = Meter::start(server.process())?;
        let talkers = clients.into_iter().zip(&devices);
        let talkers =
            talkers.map(|(client, device)| (client, format!("devices/{}/telemetry/t", device.name)));
        let told =
            concurrent::each(AT_ONCE, talkers.collect::<Vec<_>>(), move |(mut client, topic)| async move {
                for _ in 0..each {
                    client.publish(&topic, b"21.5").await?;
                }
                Ok::<_, Lost>(client.leave().await?)
            });
        told.await.into_iter().collect::<Result<(), _>>()?;
        Ok(Self { connect, publish: meter.milliseconds_each(DEVICES * each)? })
    }
}
