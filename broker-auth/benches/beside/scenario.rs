//! What is measured, one file each.

pub(crate) mod arrival;
mod cut;
mod decision;
mod handshake;
mod health;
mod https;
mod idle;
mod messages;
mod million;
mod ping;
mod policies;
mod reject;
mod rejudge;
mod revoke;
mod stalled;
mod storm;
mod stranger;
mod visits;

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::{Identity, Site};
use load::spread::Spread;
use load::usage::Process;

use crate::server::{Kind, Server};
use crate::table::{Figure, Value};

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) quick: bool,
    /// Files that one process may have open.
    pub(crate) descriptors: u64,
}

impl Scale {
    /// So many, or a tenth.
    pub(crate) fn of(self, count: u64) -> u64 {
        if self.quick { count / 10 } else { count }
    }

    /// So many connections, as far as files may be open.
    pub(crate) fn connections(self, count: u64) -> u64 {
        self.of(count).min(self.descriptors.saturating_sub(500))
    }
}

pub(crate) type Figures = Result<Vec<Figure>, Box<dyn Error>>;

type Run = for<'a> fn(&'a Site, Kind, Scale) -> Pin<Box<dyn Future<Output = Figures> + 'a>>;

/// Something to measure.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The title of the table that its figures stand in.
    pub(crate) table: &'static str,
    /// Who stands beside countersign-broker, if there is anybody to compare.
    pub(crate) rival: Option<Kind>,
    pub(crate) run: Run,
}

const fn by_mqtt(name: &'static str, run: Run) -> Scenario {
    Scenario { name, table: "A fleet, by MQTT", rival: Some(Kind::Mosquitto), run }
}

pub(crate) const SCENARIOS: [Scenario; 15] = [
    by_mqtt("handshake", |site, kind, scale| Box::pin(handshake::run(site, kind, scale))),
    by_mqtt("reject", |site, kind, scale| Box::pin(reject::run(site, kind, scale))),
    by_mqtt("idle", |site, kind, scale| Box::pin(idle::run(site, kind, scale))),
    by_mqtt("messages", |site, kind, scale| Box::pin(messages::run(site, kind, scale))),
    by_mqtt("revoke", |site, kind, scale| Box::pin(revoke::run(site, kind, scale))),
    by_mqtt("policies", |site, kind, scale| Box::pin(policies::run(site, kind, scale))),
    by_mqtt("rejudge", |site, kind, scale| Box::pin(rejudge::run(site, kind, scale))),
    by_mqtt("storm", |site, kind, scale| Box::pin(storm::run(site, kind, scale))),
    by_mqtt("stranger", |site, kind, scale| Box::pin(stranger::run(site, kind, scale))),
    by_mqtt("stalled", |site, kind, scale| Box::pin(stalled::run(site, kind, scale))),
    by_mqtt("arrival", |site, kind, scale| Box::pin(arrival::run(site, kind, scale))),
    Scenario {
        name: "cut",
        table: "Live sessions, cut",
        rival: Some(Kind::Mosquitto),
        run: |site, kind, scale| Box::pin(cut::run(site, kind, scale)),
    },
    Scenario {
        name: "million",
        table: "A long CRL, put in place while devices connect",
        rival: Some(Kind::Mosquitto),
        run: |site, kind, scale| Box::pin(million::run(site, kind, scale)),
    },
    Scenario {
        name: "decision",
        table: "One decision",
        rival: None,
        run: |site, kind, scale| Box::pin(decision::run(site, kind, scale)),
    },
    Scenario {
        name: "https",
        table: "In front of an HTTP origin",
        rival: Some(Kind::Nginx),
        run: |site, kind, scale| Box::pin(https::run(site, kind, scale)),
    },
];

/// Clients that connect at the same time, where their number is not what is measured.
const AT_ONCE: usize = 32;

/// Connects all of them.
async fn connect_all(server: &Server, identities: &[Identity]) -> Result<Vec<Client>, Lost> {
    let address = server.address();
    let connected = concurrent::each(AT_ONCE, identities.iter().cloned(), |identity| async move {
        Client::connect(address, &identity, ConnectOptions::default()).await.map(|(client, _)| client)
    })
    .await;
    connected.into_iter().collect()
}

/// A stretch of the life of a server's processes.
struct Meter {
    processes: Vec<Process>,
    cpu: Duration,
}

impl Meter {
    /// From now on, of a process and those that it has started.
    fn start(process: Process) -> io::Result<Self> {
        let processes: Vec<_> = [process].into_iter().chain(process.children()?).collect();
        let cpu = cpu_time(&processes)?;
        Ok(Self { processes, cpu })
    }

    /// CPU time since then.
    fn used(&self) -> io::Result<Duration> {
        Ok(cpu_time(&self.processes)?.saturating_sub(self.cpu))
    }

    /// CPU time since then, in milliseconds for each of `count`.
    fn milliseconds_each(&self, count: u64) -> io::Result<f64> {
        Ok(milliseconds(self.used()?) / count.max(1) as f64)
    }
}

fn cpu_time(processes: &[Process]) -> io::Result<Duration> {
    processes.iter().map(|process| process.cpu_time()).sum()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Median, 99th percentile and maximum, in milliseconds, of what happened at all.
fn median_p99_max(spread: &Spread) -> Value {
    if spread.count() == 0 {
        return Value::Never;
    }
    Value::Three([0.5, 0.99, 1.0].map(|share| milliseconds(spread.quantile(share))))
}
