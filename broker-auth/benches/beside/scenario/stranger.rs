//! The worst that somebody without any certificate of the fleet can make the server compute.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use load::client::{Client, ConnectOptions, Lost};
use load::packet::QoS;
use load::site::{Flaw, Identity, Site};
use tokio::task::JoinSet;

use super::health::Health;
use super::reject::refusal_cost;
use super::revoke::end;
use super::{Figures, Scale, connect_all};
use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

const VISITS: u64 = 1_000;

/// Strangers that come again as soon as they are refused.
const STRANGERS: usize = 64;

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let server = Server::start(kind, site).await?;
    let count = scale.of(VISITS);
    let ordinary = refusal_cost(&server, &site.flawed(910_000, Flaw::UnknownCa), count).await?;
    let worst_chains = [
        ("eight CAs of one name, all strangers", site.stranger(910_001, 8, false)),
        ("eight CAs with the name of ours", site.stranger(910_002, 8, true)),
    ];
    let mut figures = Vec::new();
    for (what, identity) in worst_chains {
        let cost = refusal_cost(&server, &identity, count).await?;
        figures.push(Figure {
            what: format!("server CPU for a stranger with {what}, over an ordinary stranger's"),
            unit: "times",
            value: Value::Number(cost / ordinary),
            goal: "≤ 3",
        });
    }
    figures.extend(among_strangers(&server, site).await?);
    Ok(figures)
}

/// Has this thread run when no other thread wants to (SCHED_IDLE): niceness alone would let it finish its slice first.
fn run_when_idle() {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let done = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("  chrt (util-linux) does not work here: strangers take the server's processors");
    }
}

/// A stranger comes, and is refused.
async fn visit(address: SocketAddr, from: Ipv4Addr, stranger: &Identity) -> Result<(), Lost> {
    let options = ConnectOptions::default();
    let socket = Client::reach_from(from, address).await?;
    let mut client = Client::dial_over(socket, stranger, options.version).await?;
    client.enter(&stranger.name, options).await.map(|_| ())
}

/// A healthy client, and a revocation, while strangers come again and again.
async fn among_strangers(server: &Server, site: &Site) -> Figures {
    let (healthy, victim) = (site.device(0), site.device(1));
    let mut service = connect_all(server, &[site.service(0)]).await?.remove(0);
    service.subscribe("devices/+/telemetry/#", QoS::AtMostOnce).await?;
    let alone = Health::of(server, &healthy, &mut service).await?;
    let watched = connect_all(server, std::slice::from_ref(&victim)).await?.remove(0);

    let (address, is_over) = (server.address(), Arc::new(AtomicBool::new(false)));
    let visits = Arc::new(AtomicU64::new(0));
    // They compute on the server's processors, which strangers elsewhere would not: so they take only what is left.
    let elsewhere =
        tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_start(run_when_idle).build()?;
    let mut strangers = JoinSet::new();
    for number in 0..STRANGERS as u64 {
        let stranger = site.stranger(920_000 + number, 8, true);
        let (is_over, visits) = (Arc::clone(&is_over), Arc::clone(&visits));
        // Not from where the fleet is.
        let from = Ipv4Addr::new(127, 0, 1, 1 + number as u8);
        let visiting = async move {
            while !is_over.load(Ordering::Relaxed) {
                // Refused, sooner or later.
                let _ = visit(address, from, &stranger).await;
                visits.fetch_add(1, Ordering::Relaxed);
            }
        };
        strangers.spawn_on(visiting, elsewhere.handle());
    }
    let among = Health::of(server, &healthy, &mut service).await?;
    site.revoke(&[&victim])?;
    server.look_at_crl()?;
    let since = Instant::now();
    let closed = end(watched, since).await;
    is_over.store(true, Ordering::Relaxed);
    strangers.join_all().await;
    elsewhere.shutdown_background();
    site.revoke(&[])?;
    eprintln!(
        "  {} visits of strangers; connect {} alone, {} among them",
        visits.load(Ordering::Relaxed),
        alone.connect,
        among.connect
    );

    let mut figures = vec![Figure {
        what: format!("CRL there → session closed, under {STRANGERS} strangers"),
        unit: "ms",
        value: closed.map_or(Value::Never, |closed| Value::Number(closed.as_secs_f64() * 1e3)),
        goal: "< 1000",
    }];
    let spreads = [("connect", alone.connect, among.connect), ("message", alone.message, among.message)];
    for (what, alone, among) in spreads {
        figures.push(Figure {
            what: format!("{what} under {STRANGERS} strangers, over that alone, p99"),
            unit: "times",
            value: Value::Number(among.quantile(0.99).as_secs_f64() / alone.quantile(0.99).as_secs_f64()),
            goal: "≤ 2",
        });
    }
    Ok(figures)
}
