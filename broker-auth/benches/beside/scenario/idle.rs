//! Connections with nothing to say.

use std::time::Duration;

use load::site::Site;

use super::{Figures, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const CONNECTIONS: u64 = 9_000;

/// Until what a handshake took is given back.
const REST: Duration = Duration::from_secs(2);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::start(kind, site).await?;
    let count = scale.connections(CONNECTIONS);
    let devices = site.devices(0..count);
    let before = server.process().resident()?;
    let clients = connect_all(&server, &devices).await?;
    tokio::time::sleep(REST).await;
    let grown = server.process().resident()?.saturating_sub(before);
    drop(clients);
    Ok(vec![Figure {
        what: "memory per idle connection".into(),
        unit: "KiB",
        value: Value::Number(grown as f64 / 1024.0 / count as f64),
        goal: "stated: 14 and rumqttd's 30",
    }])
}
