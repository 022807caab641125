//! Small GETs through a server in front of an HTTP origin, which is told who the client is.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use load::http_client::{HttpClient, NoAnswer};
use load::http_server::HttpServer;
use load::site::{Identity, Site};
use load::spread::Spread;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Figures, Meter, Scale, median_p99_max};
use crate::server::{Demands, Kind, Server};
use crate::table::{Figure, Value};

/// Clients that ask at the same time, one request after the other.
const CLIENTS: u64 = 64;

/// Of all clients together.
const REQUESTS: u64 = 40_000;
const CONNECTIONS: u64 = 8_000;

/// Before it is measured.
const WARM_UP: u64 = 1_280;

const PATH: &str = "/firmware/pump";

/// For all of it.
const DEADLINE: Duration = Duration::from_secs(300);

pub(super) async fn run(site: &Site, kind: Kind, scale: Scale) -> Figures {
    timeout(DEADLINE, measured(site, kind, scale)).await?
}

async fn measured(site: &Site, kind: Kind, scale: Scale) -> Figures {
    let origin = HttpServer::origin().await?;
    let demands = Demands { origin: Some(origin.address()), ..Demands::unpaced() };
    let server = Server::with(kind, site, &demands).await?;
    let devices = site.devices(0..CLIENTS);

    let mut keeping = Vec::new();
    for device in &devices {
        keeping.push(HttpClient::dial(server.address(), device).await?);
    }
    let keeping = Work::of(keeping, &server, scale, REQUESTS, |mut client| async move {
        client.get(PATH).await?;
        Ok(client)
    });
    let mut figures = keeping.await?.figures("GET over a connection that stays");
    let visiting: Vec<(SocketAddr, Arc<Identity>)> =
        devices.into_iter().map(|device| (server.address(), Arc::new(device))).collect();
    let visiting = Work::of(visiting, &server, scale, CONNECTIONS, |(address, device)| async move {
        HttpClient::dial(address, &device).await?.get(PATH).await?;
        Ok((address, device))
    });
    figures.extend(visiting.await?.figures("GET with a handshake of its own"));
    figures.push(Figure {
        what: "workers: a thread for each processor, or a process".into(),
        unit: "",
        value: Value::Number(workers(&server)? as f64),
        goal: "equal",
    });
    Ok(figures)
}

/// What was done, and what it took.
struct Work {
    count: u64,
    elapsed: Duration,
    took: Spread,
    cpu: Duration,
}

impl Work {
    /// Has each client act again and again, `count` times by all together.
    async fn of<C, F>(
        clients: Vec<C>,
        server: &Server,
        scale: Scale,
        count: u64,
        act: impl Fn(C) -> F + Clone + Send + 'static,
    ) -> Result<Self, Box<dyn std::error::Error>>
    where
        C: Send + 'static,
        F: Future<Output = Result<C, NoAnswer>> + Send + 'static,
    {
        let each = |count: u64| count.div_ceil(CLIENTS);
        let (clients, _) = act_all(clients, each(WARM_UP), act.clone()).await?;
        let meter = Meter::start(server.process())?;
        let since = Instant::now();
        let (clients, took) = act_all(clients, each(scale.of(count)), act).await?;
        let (elapsed, cpu) = (since.elapsed(), meter.used()?);
        drop(clients);
        Ok(Self { count: took.len() as u64, elapsed, took: took.into_iter().collect(), cpu })
    }

    fn figures(&self, what: &str) -> Vec<Figure> {
        eprintln!("  {what}: {} in {:.1} s, {}", self.count, self.elapsed.as_secs_f64(), self.took);
        let figure = |of: &str, unit, value| Figure { what: format!("{what}{of}"), unit, value, goal: "" };
        let per_second = self.count as f64 / self.elapsed.as_secs_f64();
        let cpu = self.cpu.as_secs_f64() * 1e4 / self.count.max(1) as f64;
        vec![
            figure(&format!(", by {CLIENTS} clients"), "per second", Value::Number(per_second)),
            figure(": median / p99 / max", "ms", median_p99_max(&self.took)),
            figure(", server CPU per 10,000", "s", Value::Number(cpu)),
        ]
    }
}

/// Has each client act so often; how long each act took.
async fn act_all<C, F>(
    clients: Vec<C>,
    times: u64,
    act: impl Fn(C) -> F + Clone + Send + 'static,
) -> Result<(Vec<C>, Vec<Duration>), Box<dyn std::error::Error>>
where
    C: Send + 'static,
    F: Future<Output = Result<C, NoAnswer>> + Send + 'static,
{
    let mut acting = JoinSet::new();
    for mut client in clients {
        let act = act.clone();
        acting.spawn(async move {
            let mut took = Vec::new();
            for _ in 0..times {
                let since = Instant::now();
                client = act(client).await?;
                took.push(since.elapsed());
            }
            Ok::<_, NoAnswer>((client, took))
        });
    }
    let (mut clients, mut took) = (Vec::new(), Vec::new());
    for acted in acting.join_all().await {
        let (client, of_client) = acted?;
        clients.push(client);
        took.extend(of_client);
    }
    Ok((clients, took))
}

/// Threads of countersign-broker that carry connections, but for those that make handshakes: as many again, which rest as
/// soon as clients are in.
const CARRYING: &str = "tokio-rt-worker";

/// How many threads or processes carry connections.
fn workers(server: &Server) -> std::io::Result<usize> {
    match server.kind() {
        Kind::Nginx => Ok(server.process().children()?.len()),
        Kind::Countersign | Kind::Mosquitto => {
            let names = server.process().thread_names()?;
            eprintln!("  threads: {}", names.join(", "));
            Ok(names.iter().filter(|name| *name == CARRYING).count())
        }
    }
}
