//! The servers, with the same demands.

mod countersign;
mod demands;
mod mosquitto;
mod nginx;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use load::installed::installed;
use load::site::Site;
use load::usage::Process;
use rustix::process::{Pid, Signal, kill_process};

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

/// A list of a million revoked certificates is read before a server listens.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// How long a server may take to end when it is asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// A running server. It ends with the value.
pub(crate) struct Server {
    kind: Kind,
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one, and waits until it accepts connections.
    pub(crate) async fn start(kind: Kind, site: &Site) -> io::Result<Self> {
        Self::with(kind, site, &Demands::default()).await
    }

    /// The same with further demands.
    pub(crate) async fn with(kind: Kind, site: &Site, demands: &Demands) -> io::Result<Self> {
        let address = free_address()?;
        let mut command = match kind {
            Kind::Countersign => countersign::command(site, address, demands)?,
            Kind::Mosquitto => mosquitto::command(site, address, demands)?,
            Kind::Nginx => nginx::command(site, address, demands)?,
        };
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { kind, child, address };
        let since = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if since.elapsed() > START_DEADLINE {
                return Err(io::Error::other(format!("{kind} does not listen on {address}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Has countersign-broker read its configuration again, with other demands. Returns when it has answered.
    pub(crate) async fn reload(&self, site: &Site, demands: &Demands) -> io::Result<()> {
        let config = countersign::configure(site, self.address, demands)?;
        tokio::task::spawn_blocking(move || countersign::reload(&config)).await?
    }

    /// Has it look at a CRL that has been replaced. countersign-broker does so by itself.
    pub(crate) fn look_at_crl(&self) -> io::Result<()> {
        match self.kind {
            Kind::Countersign => Ok(()),
            Kind::Mosquitto | Kind::Nginx => self.signal(Signal::HUP),
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it has no process id"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first, as nginx's workers end with their master only if it ends in peace. Whoever has ended already is not
        // there to be asked or killed, and waiting returns at once.
        if self.kind == Kind::Nginx && self.signal(Signal::TERM).is_ok() {
            let since = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < STOP_DEADLINE {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
