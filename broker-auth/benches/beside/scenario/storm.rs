//! Everybody is gone at once, and comes back at once.

use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::Site;
use load::spread::Spread;

use super::{Figures, Meter, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const SESSIONS: u64 = 5_000;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let count = scale.connections(SESSIONS);
    let server = Server::start(kind, site).await?;
    let address = server.address();
    let devices = site.devices(0..count);
    let clients = connect_all(&server, &devices).await?;
    let meter = Meter::start(server.process())?;
    drop(clients);
    let since = Instant::now();
    let back = concurrent::each(usize::try_from(count)?, devices, |device| async move {
        let mut attempts = 0;
        loop {
            attempts += 1;
            match Client::connect(address, &device, ConnectOptions::default()).await {
                Ok((client, _)) => return Ok((client, since.elapsed(), attempts)),
                // Told to come again later, or cut off among many: so does a device, if not as soon.
                Err(error) if attempts >= 20 => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
            }
        }
    })
    .await;
    let back: Vec<(Client, Duration, u32)> = back.into_iter().collect::<Result<_, Lost>>()?;
    let cost = meter.milliseconds_each(count)?;
    let spread: Spread = back.iter().map(|(_, took, _)| *took).collect();
    let attempts: u32 = back.iter().map(|(_, _, attempts)| attempts).sum();
    eprintln!("  all back: {spread}; {attempts} attempts of {count}");
    Ok(vec![
        Figure {
            what: format!("{count} reconnect at once, until all are back"),
            unit: "s",
            value: Value::Number(spread.max().as_secs_f64()),
            goal: "",
        },
        Figure {
            what: format!("{count} reconnect at once, server CPU each"),
            unit: "ms",
            value: Value::Number(cost),
            goal: "",
        },
    ])
}
