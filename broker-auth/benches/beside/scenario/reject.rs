//! What it costs to say no.

use std::time::Duration;

use load::client::{Client, ConnectOptions};
use load::concurrent;
use load::site::{Flaw, Identity, Site};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{AT_ONCE, Figures, Meter, Scale};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const REJECTS: u64 = 1_000;

/// For a server that closes nothing.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let revoked = site.device(900_001);
    site.revoke(&[&revoked])?;
    let server = Server::start(kind, site).await?;
    let address = server.address();
    let count = scale.of(REJECTS);
    let mut figures = Vec::new();

    let meter = Meter::start(server.process())?;
    concurrent::each(AT_ONCE, 0..count, |_| async move {
        let mut socket = TcpStream::connect(address).await?;
        socket.write_all(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n").await?;
        let mut answer = Vec::new();
        // Reset, alert or silence: all of it is a no.
        let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
        Ok::<_, std::io::Error>(())
    })
    .await;
    figures.push(figure("a stranger that speaks no TLS", meter.milliseconds_each(count)?));

    let refused: [(&str, Identity); 4] = [
        ("no certificate", site.flawed(900_002, Flaw::Missing)),
        ("a certificate of an unknown CA", site.flawed(900_003, Flaw::UnknownCa)),
        ("an expired certificate", site.flawed(900_004, Flaw::Expired)),
        ("a revoked certificate", revoked),
    ];
    for (what, identity) in refused {
        let cost = refusal_cost(&server, &identity, count).await;
        figures.push(figure(what, cost.map_err(|error| format!("{kind}, {what}: {error}"))?));
    }
    site.revoke(&[])?;
    Ok(figures)
}

/// CPU time of the server to refuse a client, in milliseconds.
pub(super) async fn refusal_cost(
    server: &Server,
    identity: &Identity,
    count: u64,
) -> Result<f64, Box<dyn std::error::Error>> {
    let address = server.address();
    let meter = Meter::start(server.process())?;
    let visits = (0..count).map(|_| identity.clone());
    let admitted = concurrent::each(AT_ONCE, visits, |identity| async move {
        Client::connect(address, &identity, ConnectOptions::default()).await.is_ok()
    })
    .await;
    if admitted.contains(&true) {
        return Err("it is let in".into());
    }
    Ok(meter.milliseconds_each(count)?)
}

fn figure(what: &str, cost: f64) -> Figure {
    Figure { what: format!("server CPU to refuse {what}"), unit: "ms", value: Value::Number(cost), goal: "" }
}
