//! What countersign-broker is told.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use load::site::{Site, TRUSTS};

use super::demands::Demands;

/// The file, below the site.
const CONFIG: &str = "broker.toml";

/// The command that starts it.
pub(super) fn command(site: &Site, address: SocketAddr, demands: &Demands) -> io::Result<Command> {
    let file = configure(site, address, demands)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-broker"));
    command.args(["run", "--log-format", "json", "--config"]).arg(file);
    Ok(command)
}

/// Has the one that runs read its configuration again; returns when it has answered.
pub(super) fn reload(config: &Path) -> io::Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-broker"));
    command.args(["reload", "--config"]).arg(config).stdin(Stdio::null()).stdout(Stdio::null());
    if command.status()?.success() { Ok(()) } else { Err(io::Error::other("the reload was refused")) }
}

/// Writes its configuration; where it is.
pub(super) fn configure(site: &Site, address: SocketAddr, demands: &Demands) -> io::Result<PathBuf> {
    let transport = match demands.origin {
        None => "transport = \"tls\"".to_owned(),
        Some(origin) => format!("transport = \"https\"\nupstream = \"http://{origin}\""),
    };
    let paths = match demands.origin {
        None => "",
        Some(_) => {
            "[[listener.path]]\nprefix = \"/\"\npolicies = [\"devices\"]\n\n\
             [listener.headers]\nstyle = \"azion\"\n"
        }
    };
    let trusts =
        TRUSTS.replace("\"device-ca.crl\"]\n", &format!("\"device-ca.crl\"]\n{}", device_trust(demands)));
    let limits = if demands.is_unpaced { "max-handshakes-per-second = 100000\n" } else { "" };
    // A good answer is asked for again as soon as may be.
    let fetch = if demands.ocsp.is_some() { "[fetch]\ninterval = \"1s\"\n" } else { "" };
    let config = format!(
        r#"
[[listener]]
address = "{address}"
{transport}
mode = "enforce"
tls-versions = ["1.3"]
server-cert = "server.pem"
server-key = "server.key"
{trusts}
{paths}
# All clients of a benchmark come from one address.
[listener.limits]
max-connections = 100000
max-connections-per-address = 100000
max-sessions = 100000
max-queued-messages = 100000
max-queued-bytes = 100000000
{limits}
{fetch}
[identity]
device-id = "{{CN}}"

{}[[policy]]
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
"#,
        first_policies(demands)
    );
    let file = site.file(CONFIG);
    fs::write(&file, config)?;
    Ok(file)
}

/// The further keys of the trust of devices.
fn device_trust(demands: &Demands) -> String {
    let mut keys = String::new();
    if let Some(url) = &demands.ocsp {
        keys += &format!("ocsp = \"require\"\nocsp-allow = [{url:?}]\n");
    }
    if !demands.pins.is_empty() {
        keys += &format!("pins = [{}]\n", demands.pins.join(", "));
    }
    keys
}

/// The policies before those for everybody.
fn first_policies(demands: &Demands) -> String {
    let mut policies = String::new();
    if !demands.refused.is_empty() {
        policies += &format!(
            "[[policy]]\nname = \"refused\"\nmatch = {{ trust = \"device-ca\", identity = {:?} }}\n\
             action = \"deny\"\n\n",
            demands.refused
        );
    }
    for number in 0..demands.policies_before {
        // Writing to a text does not fail.
        let _ = write!(
            policies,
            "[[policy]]\nname = \"other-{number:04}\"\n\
             match = {{ trust = \"device-ca\", identity = \"other-{number:04}\" }}\naction = \"allow\"\n\
             client-id = \"must-equal\"\npublish = [\"others/{number:04}/#\"]\n\n"
        );
    }
    policies
}
