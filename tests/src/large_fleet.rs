//! A place for thousands: a broker process, and a site that makes as many clients for it as wanted.
//!
//! Certificates come from [`load::site`] rather than from the provisioning command, because they are made in memory. Clients
//! may publish and subscribe whatever they like, so that no policy stands before what is tested.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use load::client::{Client, ConnectOptions, Lost};
use load::concurrent;
use load::site::{Identity, Site, TRUSTS};
use load::usage::Process;
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::{Broker, Log, Mark};
use crate::program::{Finished, Programs, run};

/// Clients that connect at the same time: the two cores have work, and nobody waits for its turn until a deadline.
pub const AT_ONCE: usize = 32;

/// How long what is given back asynchronously may take, on a busy machine.
const SETTLING: Duration = Duration::from_secs(20);

/// A broker, and who may come.
pub struct LargeFleet {
    /// The broker. Declared first, so that it ends before its files go.
    pub broker: Broker,
    /// Makes certificates and revokes them.
    pub site: Site,
    programs: Programs,
    config: PathBuf,
    _directory: TempDir,
}

impl LargeFleet {
    /// A fleet whose listener has these `[listener.limits]`, besides room for everybody.
    #[track_caller]
    pub fn new(programs: Programs, limits: &str) -> Self {
        Self::started_by(programs, limits, |command| command, Stdio::piped())
    }

    /// The same with the command that starts the broker altered, and its stderr going to `log`; if that is piped, it is
    /// collected.
    #[track_caller]
    pub fn started_by(
        programs: Programs,
        limits: &str,
        alter: impl FnOnce(Command) -> Command,
        log: Stdio,
    ) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let site = Site::new(directory.path()).expect("a site can be made");
        let config = site.file("broker.toml");
        fs::write(&config, configuration(limits)).expect("broker.toml can be written");
        let mut command = programs.broker();
        command.args(["run", "--log-format", "json", "--listen", "127.0.0.1:0", "--config"]).arg(&config);
        let broker = Broker::started_by(alter(command), log);
        Self { broker, site, programs, config, _directory: directory }
    }

    /// Asks the broker to stop (SIGTERM), and waits until it has; its exit code. Its log is complete then.
    #[track_caller]
    pub fn stop(self) -> (i32, Log) {
        self.broker.terminate();
        let log = self.broker.log().clone();
        let code = self.broker.wait();
        log.line(Mark::START, |line| line["message"] == "stopped");
        (code, log)
    }

    /// Where the broker listens.
    pub fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    /// The broker's process.
    pub fn process(&self) -> Process {
        Process(self.broker.process_id())
    }

    /// Runs an operator's command.
    #[track_caller]
    pub fn operate(&self, command: &str, args: &[&str]) -> Finished {
        run(self.programs.broker().arg(command).args(args).arg("--config").arg(&self.config))
    }

    /// What `status` says.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.operate("status", &["--json"]).json()
    }

    /// One of the numbers in `status`, a counter or another.
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        let status = self.status();
        let number = status["counters"][name].as_u64().or_else(|| status[name].as_u64());
        number.unwrap_or_else(|| panic!("no {name} in {status}"))
    }

    /// Waits until there are so many sessions.
    #[track_caller]
    pub fn settles_at(&self, sessions: u64) {
        let since = Instant::now();
        while self.count("sessions") != sessions {
            assert!(since.elapsed() < SETTLING, "{} sessions, not {sessions}", self.count("sessions"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Connects one client.
    pub async fn connect(&self, identity: &Identity, options: ConnectOptions) -> Result<Client, Lost> {
        Client::connect(self.address(), identity, options).await.map(|(client, _)| client)
    }

    /// Connects all of them.
    pub async fn connect_all(&self, identities: &[Identity], options: ConnectOptions) -> Vec<Client> {
        let address = self.address();
        let connected = concurrent::each(AT_ONCE, identities.iter().cloned(), |identity| async move {
            Client::connect(address, &identity, options).await.map(|(client, _)| client)
        })
        .await;
        connected.into_iter().map(|client| client.expect("a good client is let in")).collect()
    }
}

/// A `broker.toml` for the files of a [`Site`], with these `[listener.limits]`: whoever is in the fleet may publish and subscribe
/// everything.
pub fn configuration(limits: &str) -> String {
    format!(
        r##"
[[listener]]
address = "127.0.0.1:8883"
server-cert = "server.pem"
server-key = "server.key"
{TRUSTS}
# All of them come from one address.
[listener.limits]
max-connections-per-address = 100000
{limits}

[[policy]]
name = "devices"
match = {{ trust = "device-ca" }}
action = "allow"
client-id = "must-start-with"
publish = ["#"]
subscribe = ["#", "$share/group/#"]

[[policy]]
name = "services"
match = {{ trust = "service-ca" }}
action = "allow"
client-id = "must-start-with"
publish = ["#"]
subscribe = ["#", "$share/group/#"]
"##
    )
}
