//! The two servers, with the same demands.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use load::site::{Site, TRUSTS};
use load::usage::Process;
use rustix::process::{Pid, Signal, kill_process};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Countersign,
    Mosquitto,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Countersign => "countersign-broker",
            Self::Mosquitto => "mosquitto",
        })
    }
}

/// So many services may connect.
pub(crate) const SERVICES: u64 = 64;

const UNPACED: &str = "max-handshakes-per-second = 100000\n";

const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running server. It ends with the value.
pub(crate) struct Server {
    kind: Kind,
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one, and waits until it accepts connections.
    pub(crate) async fn start(kind: Kind, site: &Site) -> io::Result<Self> {
        Self::with(kind, site, "", 0).await
    }

    /// The same, with so many policies, or topics of the access list, before the one that matches.
    pub(crate) async fn start_with_policies(kind: Kind, site: &Site, before: usize) -> io::Result<Self> {
        Self::with(kind, site, UNPACED, before).await
    }

    /// The same, and no handshake waits for another second: countersign-broker, which otherwise begins 2,000 in each, does
    /// nothing else than to make them.
    pub(crate) async fn start_unpaced(kind: Kind, site: &Site) -> io::Result<Self> {
        Self::with(kind, site, UNPACED, 0).await
    }

    async fn with(kind: Kind, site: &Site, limits: &str, before: usize) -> io::Result<Self> {
        let address = free_address()?;
        let mut command = match kind {
            Kind::Countersign => countersign(site, address, limits, before)?,
            Kind::Mosquitto => mosquitto(site, address, before)?,
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

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Has countersign-broker read its configuration again, with a policy before the others that refuses `names`. Returns
    /// when it has answered.
    pub(crate) async fn reload_refusing(&self, site: &Site, names: &[&str]) -> io::Result<()> {
        let file = site.file(CONFIG);
        let config = fs::read_to_string(&file)?;
        let (before, policies) =
            config.split_once("[[policy]]").ok_or_else(|| io::Error::other("no policy"))?;
        let refusing = format!(
            "[[policy]]\nname = \"refused\"\nmatch = {{ trust = \"device-ca\", identity = {names:?} }}\n\
             action = \"deny\"\n\n"
        );
        fs::write(&file, format!("{before}{refusing}[[policy]]{policies}"))?;
        let reload = move || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-broker"));
            command.args(["reload", "--config"]).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).status()
        };
        let status = tokio::task::spawn_blocking(reload).await??;
        if status.success() { Ok(()) } else { Err(io::Error::other("the reload was refused")) }
    }

    /// Has it look at a CRL that has been replaced. countersign-broker does so by itself.
    pub(crate) fn look_at_crl(&self) -> io::Result<()> {
        if self.kind == Kind::Mosquitto
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            kill_process(pid, Signal::HUP)?;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and waiting returns at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// What countersign-broker is told, below the site.
const CONFIG: &str = "broker.toml";

fn countersign(site: &Site, address: SocketAddr, limits: &str, before: usize) -> io::Result<Command> {
    let others: String = (0..before)
        .map(|number| {
            format!(
                "[[policy]]\nname = \"other-{number:04}\"\n\
                 match = {{ trust = \"device-ca\", identity = \"other-{number:04}\" }}\naction = \"allow\"\n\
                 client-id = \"must-equal\"\npublish = [\"others/{number:04}/#\"]\n\n"
            )
        })
        .collect();
    let config = format!(
        r#"
[[listener]]
address = "{address}"
transport = "tls"
mode = "enforce"
tls-versions = ["1.3"]
server-cert = "server.pem"
server-key = "server.key"
{TRUSTS}
# All clients of a benchmark come from one address.
[listener.limits]
max-connections = 100000
max-connections-per-address = 100000
max-sessions = 100000
max-queued-messages = 100000
max-queued-bytes = 100000000
{limits}
[identity]
device-id = "{{CN}}"

{others}[[policy]]
name = "devices"
match = {{ trust = "device-ca" }}
action = "allow"
client-id = "must-equal"
publish = ["devices/{{device-id}}/telemetry/#"]
subscribe = ["devices/{{device-id}}/commands/#"]
denied-publish = "disconnect"

[[policy]]
name = "services"
match = {{ trust = "service-ca" }}
action = "allow"
client-id = "must-start-with"
publish = ["devices/+/commands/#"]
subscribe = ["devices/+/telemetry/#"]
denied-publish = "disconnect"

[engine]
kind = "rumqttd"
"#
    );
    let file = site.file(CONFIG);
    fs::write(&file, config)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-broker"));
    command.args(["run", "--log-format", "json", "--config"]).arg(file);
    Ok(command)
}

/// Debian's mosquitto.
pub(crate) struct Mosquitto;

impl Mosquitto {
    /// Where it is.
    pub(crate) fn find() -> io::Result<PathBuf> {
        let mut places =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or(vec![]);
        places.push(PathBuf::from("/usr/sbin"));
        let found = places.iter().map(|place| place.join("mosquitto")).find(|file| file.is_file());
        found.ok_or_else(|| {
            io::Error::other(
                "mosquitto is not installed (Debian: package mosquitto); --alone runs without it",
            )
        })
    }
}

fn mosquitto(site: &Site, address: SocketAddr, before: usize) -> io::Result<Command> {
    let path = |name: &str| site.file(name).display().to_string();
    let mut acl: String =
        (0..before).map(|number| format!("pattern write others/{number:04}/%u/#\n")).collect();
    acl += "pattern write devices/%u/telemetry/#\npattern read devices/%u/commands/#\n";
    for number in 0..SERVICES {
        acl += &format!(
            "user service-{number:02}\ntopic read devices/+/telemetry/#\ntopic write devices/+/commands/#\n"
        );
    }
    write_private(&site.file("mosquitto.acl"), &acl)?;
    let config = format!(
        "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\ncrlfile {}\nrequire_certificate true\n\
         use_identity_as_username true\nallow_anonymous false\nacl_file {}\ntls_version tlsv1.3\n\
         set_tcp_nodelay true\nmax_inflight_messages 64\nmax_queued_messages 100000\npersistence false\n\
         log_dest none\nuser root\n",
        path("client-cas.pem"),
        path("server.pem"),
        path("server.key"),
        path("clients.crl"),
        path("mosquitto.acl"),
        port = address.port(),
    );
    let file = site.file("mosquitto.conf");
    fs::write(&file, config)?;
    let mut command = Command::new(Mosquitto::find()?);
    command.arg("-c").arg(file);
    Ok(command)
}

/// mosquitto warns of files that others can read.
fn write_private(file: &Path, content: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(file, content)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}
