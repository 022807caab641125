//! Full handshakes: connect, be let in, leave; and those that stay, with nothing to say.

use std::error::Error;
use std::time::Duration;

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::{Identity, Site};

use crate::broker::Broker;

/// Clients that connect at the same time.
const AT_ONCE: usize = 32;

/// Devices that come back.
const KNOWN: u64 = 100;

/// Until what a handshake took is given back.
const REST: Duration = Duration::from_secs(2);

/// `count` visits of devices that have come before.
pub(crate) fn known(site: &Site, count: u64) -> Vec<Identity> {
    let devices = site.devices(0..KNOWN);
    devices.iter().cycle().take(count as usize).cloned().collect()
}

/// The server's CPU time for each visit of these, in milliseconds.
pub(crate) async fn cost(broker: &Broker, visits: Vec<Identity>) -> Result<f64, Box<dyn Error>> {
    let (address, count) = (broker.address(), visits.len());
    let before = broker.process().cpu_time()?;
    let left = concurrent::each(AT_ONCE, visits, |device| async move {
        let (client, _) = Client::connect(address, &device, ConnectOptions::default()).await?;
        Ok::<_, Lost>(client.leave().await?)
    })
    .await;
    left.into_iter().collect::<Result<(), _>>()?;
    let used = broker.process().cpu_time()?.saturating_sub(before);
    Ok(used.as_secs_f64() * 1e3 / count as f64)
}

/// Connects all of them.
pub(crate) async fn all(broker: &Broker, devices: &[Identity]) -> Result<Vec<Client>, Lost> {
    let address = broker.address();
    let connected = concurrent::each(AT_ONCE, devices.iter().cloned(), |device| async move {
        Client::connect(address, &device, ConnectOptions::default()).await.map(|(client, _)| client)
    })
    .await;
    connected.into_iter().collect()
}

/// By how much the server's resident memory grows for each of `count` sessions, in KiB.
pub(crate) async fn memory(broker: &Broker, site: &Site, count: u64) -> Result<f64, Box<dyn Error>> {
    // OpenSSL reads a list when it needs it for the first time.
    cost(broker, known(site, KNOWN)).await?;
    let devices = site.devices(0..count);
    let before = broker.process().resident()?;
    let clients = all(broker, &devices).await?;
    tokio::time::sleep(REST).await;
    let grown = broker.process().resident()?.saturating_sub(before);
    for client in clients {
        client.leave().await?;
    }
    Ok(grown as f64 / 1024.0 / count as f64)
}
