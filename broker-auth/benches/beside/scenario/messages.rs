//! Messages of 64 bytes from devices to services, as fast as they go.

use std::time::{Duration, Instant};

use load::flow::Pairs;
use load::packet::QoS;
use load::site::Site;

use super::{Figures, Meter, Scale};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let mut figures = Vec::new();
    for (pairs, qos, count) in [
        (1, QoS::AtMostOnce, 200_000),
        (1, QoS::AtLeastOnce, 100_000),
        (50, QoS::AtMostOnce, 200_000),
        (50, QoS::AtLeastOnce, 100_000),
    ] {
        let count = scale.of(count);
        let flow = flow(site, kind, pairs, qos, count).await?;
        let name = format!("QoS {} {pairs} → {pairs}", qos as u8);
        let goal = if qos == QoS::AtLeastOnce { "≥ 2 × mosquitto" } else { "" };
        figures.push(Figure {
            what: format!("{name}, delivered"),
            unit: "messages/s",
            value: Value::Number(flow.heard as f64 / flow.took.as_secs_f64()),
            goal,
        });
        figures.push(Figure {
            what: format!("{name}, server CPU per million sent"),
            unit: "s",
            value: Value::Number(flow.cpu_ms * 1e3),
            goal: "",
        });
        figures.push(Figure {
            what: format!("{name}, lost"),
            unit: "%",
            value: Value::Number((count - flow.heard) as f64 * 100.0 / count as f64),
            goal: if qos == QoS::AtLeastOnce { "0" } else { "" },
        });
    }
    Ok(figures)
}

struct Flow {
    heard: u64,
    took: Duration,
    cpu_ms: f64,
}

/// `count` messages in all, over `pairs` of a device and a service.
async fn flow(
    site: &Site,
    kind: Kind,
    pairs: u64,
    qos: QoS,
    count: u64,
) -> Result<Flow, Box<dyn std::error::Error>> {
    let server = Server::start(kind, site).await?;
    let each = count / pairs;
    let mut connected = Pairs::connect(server.address(), site, pairs, qos).await?;
    let meter = Meter::start(server.process())?;
    let since = Instant::now();
    let heard = connected.talk(each).await?;
    Ok(Flow { heard: heard.messages, took: heard.last - since, cpu_ms: meter.milliseconds_each(count)? })
}
