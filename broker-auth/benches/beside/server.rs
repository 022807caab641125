//! The servers, with the same demands.

mod countersign;
mod demands;
mod mosquitto;
mod nginx;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use load::installed::installed;
use load::server::{self, Ending, Signal, free_address};
use load::site::Site;
use load::usage::Process;

pub(crate) use demands::Demands;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Countersign,
    Mosquitto,
    Nginx,
}

impl Kind {
    /// What it says of itself; an error, and what to do about it, where it is not installed.
    pub(crate) fn version(self) -> io::Result<String> {
        let (mut command, begin) = match self {
            Self::Countersign => return Ok(format!("countersign-broker {}", env!("CARGO_PKG_VERSION"))),
            Self::Mosquitto => {
                let mut command = Command::new(installed("mosquitto")?);
                command.arg("-h");
                (command, "mosquitto version ")
            }
            Self::Nginx => {
                let mut command = Command::new(installed("nginx")?);
                command.arg("-v");
                (command, "nginx version: nginx/")
            }
        };
        let output = command.stdin(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let version = text.lines().find_map(|line| line.strip_prefix(begin)).unwrap_or("of no known version");
        Ok(format!("{self} {version}"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Countersign => "countersign-broker",
            Self::Mosquitto => "mosquitto",
            Self::Nginx => "nginx",
        })
    }
}

/// So many services may connect.
pub(crate) const SERVICES: u64 = 64;

/// A running server. It ends with the value.
pub(crate) struct Server {
    kind: Kind,
    running: server::Server,
}

impl Server {
    /// Starts one, and waits until it accepts connections.
    pub(crate) async fn start(kind: Kind, site: &Site) -> io::Result<Self> {
        Self::with(kind, site, &Demands::default()).await
    }

    /// The same with further demands.
    pub(crate) async fn with(kind: Kind, site: &Site, demands: &Demands) -> io::Result<Self> {
        let address = free_address()?;
        let command = match kind {
            Kind::Countersign => countersign::command(site, address, demands)?,
            Kind::Mosquitto => mosquitto::command(site, address, demands)?,
            Kind::Nginx => nginx::command(site, address, demands)?,
        };
        // nginx's workers end with their master only if it ends in peace.
        let ending = if kind == Kind::Nginx { Ending::Asked } else { Ending::Killed };
        Ok(Self { kind, running: server::Server::start(command, address, ending).await? })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn process(&self) -> Process {
        self.running.process()
    }

    /// Has countersign-broker read its configuration again, with other demands. Returns when it has answered.
    pub(crate) async fn reload(&self, site: &Site, demands: &Demands) -> io::Result<()> {
        let config = countersign::configure(site, self.address(), demands)?;
        tokio::task::spawn_blocking(move || countersign::reload(&config)).await?
    }

    /// Has it look at a CRL that has been replaced. countersign-broker does so by itself.
    pub(crate) fn look_at_crl(&self) -> io::Result<()> {
        match self.kind {
            Kind::Countersign => Ok(()),
            Kind::Mosquitto | Kind::Nginx => self.running.signal(Signal::HUP),
        }
    }
}
