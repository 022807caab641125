//! From the moment a CRL lies there until the sessions it ends are closed.

use std::time::{Duration, Instant};

use load::client::Client;
use load::packet::Packet;
use load::site::{Identity, Site};
use load::spread::Spread;
use tokio::task::JoinSet;
use tokio::time::timeout_at;

use super::{Figures, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const SESSIONS: u64 = 10_000;

/// A server that has closed nothing by then closes nothing.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let count = scale.connections(SESSIONS) as usize;
    let server = Server::start(kind, site).await?;
    let devices = site.devices(0..count as u64);
    let mut clients: Vec<Option<Client>> =
        connect_all(&server, &devices).await?.into_iter().map(Some).collect();
    let mut figures = Vec::new();
    for victims in [0..1, 1..101, 101..count] {
        let revoked: Vec<&Identity> = devices[..victims.end].iter().collect();
        let watched: Vec<Client> = clients[victims.clone()].iter_mut().filter_map(Option::take).collect();
        let number = watched.len();
        let mut ends = JoinSet::new();
        site.revoke(&revoked)?;
        server.look_at_crl()?;
        let since = Instant::now();
        for client in watched {
            ends.spawn(end(client, since));
        }
        let closed: Spread = ends.join_all().await.into_iter().flatten().collect();
        for (share, name) in [(0.5, "median"), (0.99, "p99")] {
            figures.push(Figure {
                what: format!("CRL there → session closed, {number} of {count}, {name}"),
                unit: "ms",
                value: if closed.count() < number {
                    Value::Never
                } else {
                    Value::Number(closed.quantile(share).as_secs_f64() * 1e3)
                },
                goal: if name == "p99" { "< 1000" } else { "" },
            });
        }
        eprintln!("  {} of {number} closed: {closed}", closed.count());
    }
    site.revoke(&[])?;
    Ok(figures)
}

/// When the server ended it: DISCONNECT, or the end of the connection.
pub(super) async fn end(mut client: Client, since: Instant) -> Option<Duration> {
    let deadline = tokio::time::Instant::from_std(since + PATIENCE);
    loop {
        match timeout_at(deadline, client.hear()).await {
            Err(_) => return None,
            Ok(Ok(Packet::Disconnect(_)) | Err(_)) => return Some(since.elapsed()),
            Ok(Ok(_)) => {}
        }
    }
}
