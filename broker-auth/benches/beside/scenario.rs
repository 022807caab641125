//! What is measured, one file each.

pub(crate) mod arrival;
mod handshake;
mod health;
mod idle;
mod messages;
mod policies;
mod reject;
mod rejudge;
mod revoke;
mod stalled;
mod storm;
mod stranger;

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::{Identity, Site};
use load::usage::Process;

use crate::server::{Kind, Server};
use crate::table::Figure;

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
    pub(crate) run: Run,
}

pub(crate) const SCENARIOS: [Scenario; 11] = [
    Scenario { name: "handshake", run: |site, kind, scale| Box::pin(handshake::run(site, kind, scale)) },
    Scenario { name: "reject", run: |site, kind, scale| Box::pin(reject::run(site, kind, scale)) },
    Scenario { name: "idle", run: |site, kind, scale| Box::pin(idle::run(site, kind, scale)) },
    Scenario { name: "messages", run: |site, kind, scale| Box::pin(messages::run(site, kind, scale)) },
    Scenario { name: "revoke", run: |site, kind, scale| Box::pin(revoke::run(site, kind, scale)) },
    Scenario { name: "policies", run: |site, kind, scale| Box::pin(policies::run(site, kind, scale)) },
    Scenario { name: "rejudge", run: |site, kind, scale| Box::pin(rejudge::run(site, kind, scale)) },
    Scenario { name: "storm", run: |site, kind, scale| Box::pin(storm::run(site, kind, scale)) },
    Scenario { name: "stranger", run: |site, kind, scale| Box::pin(stranger::run(site, kind, scale)) },
    Scenario { name: "stalled", run: |site, kind, scale| Box::pin(stalled::run(site, kind, scale)) },
    Scenario { name: "arrival", run: |site, kind, scale| Box::pin(arrival::run(site, kind, scale)) },
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

/// A stretch of a process's life.
struct Meter {
    process: Process,
    cpu: Duration,
}

impl Meter {
    fn start(process: Process) -> io::Result<Self> {
        Ok(Self { process, cpu: process.cpu_time()? })
    }

    /// CPU time since then, in milliseconds for each of `count`.
    fn milliseconds_each(&self, count: u64) -> io::Result<f64> {
        let used = self.process.cpu_time()? - self.cpu;
        Ok(used.as_secs_f64() * 1e3 / count.max(1) as f64)
    }
}
