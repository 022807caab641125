//! [`Broker`]: a mosquitto, with the plugin or with what it has itself. Both demand the same of the same clients.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use load::installed::installed;
use load::server::{Ending, Server, Signal, free_address};
use load::site::{Site, TRUSTS};
use load::usage::Process;

/// So many services may connect.
pub(crate) const SERVICES: u64 = 10;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The plugin, by a `broker.toml`.
    Plugin,
    /// mosquitto, by `crlfile`, `use_identity_as_username` and `acl_file`.
    Alone,
}

/// In the order of the table's columns.
pub(crate) const KINDS: [Kind; 2] = [Kind::Plugin, Kind::Alone];

/// A running mosquitto. It ends with the value.
pub(crate) struct Broker {
    kind: Kind,
    server: Server,
}

impl Broker {
    /// Starts one, and waits until it listens.
    pub(crate) async fn start(kind: Kind, site: &Site) -> io::Result<Self> {
        let address = free_address()?;
        let file = site.file(&format!("mosquitto-{kind:?}.conf"));
        fs::write(&file, configuration(kind, site, address)?)?;
        let mut command = Command::new(installed("mosquitto")?);
        command.arg("-c").arg(file);
        Ok(Self { kind, server: Server::start(command, address, Ending::Killed).await? })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn process(&self) -> Process {
        self.server.process()
    }

    /// Has it look at a CRL that has been replaced. The plugin does so by itself.
    pub(crate) fn look_at_crl(&self) -> io::Result<()> {
        if self.kind == Kind::Plugin {
            return Ok(());
        }
        self.server.signal(Signal::HUP)
    }
}

/// What mosquitto says of itself.
pub(crate) fn version() -> io::Result<String> {
    let output = Command::new(installed("mosquitto")?).arg("-h").stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.lines().next().and_then(|line| line.strip_prefix("mosquitto version "));
    Ok(format!("mosquitto {}", version.unwrap_or("of no known version")))
}

fn configuration(kind: Kind, site: &Site, address: SocketAddr) -> io::Result<String> {
    let path = |name: &str| site.file(name).display().to_string();
    let decides = match kind {
        Kind::Plugin => {
            fs::write(site.file("broker.toml"), rules())?;
            let library = std::env::current_exe()?.with_file_name("libcountersign_mosquitto.so");
            format!("plugin {}\nplugin_opt_config {}\n", library.display(), path("broker.toml"))
        }
        Kind::Alone => {
            fs::write(site.file("mosquitto.acl"), access_list())?;
            format!(
                "crlfile {}\nuse_identity_as_username true\nacl_file {}\n",
                path("clients.crl"),
                path("mosquitto.acl")
            )
        }
    };
    Ok(format!(
        "listener {} {}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nallow_anonymous false\n\
         tls_version tlsv1.3\nset_tcp_nodelay true\nmax_inflight_messages 64\nmax_queued_messages 100000\n\
         persistence false\nlog_dest none\nuser root\n{decides}",
        address.port(),
        address.ip(),
        path("client-cas.pem"),
        path("server.pem"),
        path("server.key"),
    ))
}

fn access_list() -> String {
    let mut acl = "pattern write devices/%u/telemetry/#\npattern read devices/%u/commands/#\n".to_owned();
    for number in 0..SERVICES {
        // Writing to a text does not fail.
        let _ = write!(
            acl,
            "user service-{number:02}\ntopic read devices/+/telemetry/#\ntopic write devices/+/commands/#\n"
        );
    }
    acl
}

fn rules() -> String {
    format!(
        r#"
[[listener]]
address = "127.0.0.1:8883"
server-cert = "server.pem"
server-key = "server.key"
{TRUSTS}
[identity]
device-id = "{{CN}}"

[[policy]]
name = "devices"
match = {{ trust = "device-ca" }}
action = "allow"
client-id = "must-equal"
publish = ["devices/{{device-id}}/telemetry/#"]
subscribe = ["devices/{{device-id}}/commands/#"]

[[policy]]
name = "services"
match = {{ trust = "service-ca" }}
action = "allow"
client-id = "must-start-with"
publish = ["devices/+/commands/#"]
subscribe = ["devices/+/telemetry/#"]
"#
    )
}
