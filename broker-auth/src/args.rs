//! What the operator typed.

mod supposed;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use authenticator::origin::ServerName;
use clap::{Args, Parser, Subcommand};

use broker_rules::explanation::{SupposedFactor, SupposedOcsp};
use second_factor::password::QualifiedName;

use crate::audit::LogFormat;

/// The command line of `countersign-broker`.
#[derive(Debug, Parser)]
#[command(
    name = "countersign-broker",
    version,
    about = "An MQTT broker that lets in exactly the devices that should be let in",
    after_help = "Examples:
  countersign-broker run --fleet fleet
  countersign-broker check --config /etc/countersign/broker.toml
  countersign-broker explain --fleet fleet --cert images/pump-1.cert.pem --publish devices/pump-1/status

Exit codes: 0 done, 1 failed, 2 usage, 3 input refused, 4 unknown session, 5 conflict, 6 denied"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the broker.
    Run(RunArgs),
    /// Load everything a configuration names, and say what is in it and what is wrong with it.
    Check(CheckArgs),
    /// Say whether a certificate would be let in, as whom, and why or why not.
    Explain(Box<ExplainArgs>),
    /// List the live sessions of a running broker.
    Sessions(SessionsArgs),
    /// Close the sessions of a client of a running broker.
    Kick(KickArgs),
    /// Show what a running broker trusts, and how it is.
    Status(StatusArgs),
    /// Have a running broker read its configuration again.
    Reload(ReloadArgs),
    /// Tell a running broker what time it is, when revocation lists have said that it is later.
    Clock(ClockArgs),
    /// Set the password of a device or service, or remove it.
    Passwd(PasswdArgs),
    /// Write a shell completion script to stdout.
    Completions(CompletionsArgs),
}

impl Command {
    /// Where its configuration is, for the commands that have one.
    pub(crate) fn config_mut(&mut self) -> Option<&mut ConfigArgs> {
        match self {
            Self::Run(args) => Some(&mut args.config),
            Self::Check(args) => Some(&mut args.config),
            Self::Explain(args) => Some(&mut args.config),
            Self::Sessions(args) => Some(&mut args.config),
            Self::Kick(args) => Some(&mut args.config),
            Self::Status(args) => Some(&mut args.config),
            Self::Reload(args) => Some(&mut args.config),
            // It needs none that is told which file.
            Self::Passwd(args) if args.file.is_some() => None,
            Self::Passwd(args) => Some(&mut args.config),
            Self::Clock(ClockArgs { command: ClockCommand::Accept(args) }) => Some(&mut args.config),
            Self::Completions(_) => None,
        }
    }
}

/// Neither the command line nor the environment says where the configuration is.
#[derive(Debug, thiserror::Error)]
#[error("neither --fleet nor --config is given, and COUNTERSIGN_FLEET is not set")]
pub(crate) struct NoConfiguration;

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ConfigArgs {
    /// A fleet directory; its broker.toml is the configuration [env, unless --config is given: COUNTERSIGN_FLEET]
    #[arg(long, value_name = "DIR")]
    pub fleet: Option<PathBuf>,
    /// A configuration file; paths in it are relative to it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Takes the fleet directory from `variable`, the value of COUNTERSIGN_FLEET, if the command line names neither a
    /// directory nor a file. An empty variable is as good as none. Not clap's `env`: that has the variable conflict with
    /// `--config`.
    ///
    /// # Errors
    /// There is no configuration.
    pub(crate) fn or_fleet(&mut self, variable: Option<OsString>) -> Result<(), NoConfiguration> {
        if self.config.is_none() && self.fleet.is_none() {
            let directory = variable.filter(|directory| !directory.is_empty()).ok_or(NoConfiguration)?;
            self.fleet = Some(PathBuf::from(directory));
        }
        Ok(())
    }

    /// The configuration file.
    pub(crate) fn file(&self) -> PathBuf {
        match (&self.config, &self.fleet) {
            (Some(config), _) => config.clone(),
            (None, fleet) => fleet.as_deref().unwrap_or_else(|| Path::new("fleet")).join("broker.toml"),
        }
    }
}

/// `run`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  countersign-broker run --fleet fleet
  countersign-broker run --config broker.toml --listen 127.0.0.1:0 --log-format json")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Listen here instead of at the only listener's address; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// How log lines are written to stderr.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// `check`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  countersign-broker check --config /etc/countersign/broker.toml
  countersign-broker check --config /etc/countersign/broker.toml --mosquitto /etc/mosquitto/mosquitto.conf")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Check it for the plugin in mosquitto, and what in this mosquitto.conf undoes the plugin.
    #[arg(long, value_name = "FILE")]
    pub mosquitto: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// About which client.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ClientArgs {
    /// The certificate the client would present, PEM (what follows it is taken for its intermediates) or DER.
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The credential image of the client (.bin).
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
    /// A client that is connected to the running broker, or whose files are in the fleet directory.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// A client that presents no certificate.
    #[arg(long)]
    pub no_certificate: bool,
}

/// `explain`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  countersign-broker explain --fleet fleet --id pump-1
  countersign-broker explain --fleet fleet --cert pump-1.pem --client-id pump-1 --publish devices/pump-1/telemetry/rpm
  countersign-broker explain --fleet fleet --cert pump-1.pem --at 2030-01-01T00:00:00Z --json")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub client: ClientArgs,
    /// The MQTT client id it would ask for.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// A topic it would publish to.
    #[arg(long, value_name = "TOPIC", conflicts_with = "subscribe")]
    pub publish: Option<String>,
    /// The address it would come from, for policies that ask where a client is.
    #[arg(long, value_name = "IP")]
    pub source: Option<IpAddr>,
    /// The server it would ask for (SNI), where several listeners share an address.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<ServerName>,
    /// What its OCSP responder would say: good, revoked, suspended, unknown or unavailable.
    #[arg(long, value_parser = supposed::ocsp(), hide_possible_values = true, value_name = "ANSWER")]
    pub ocsp: Option<SupposedOcsp>,
    /// What it would show where its policy asks for a second factor: right, wrong or none.
    #[arg(long, value_parser = supposed::factor(), hide_possible_values = true, value_name = "WHAT")]
    pub factor: Option<SupposedFactor>,
    /// The version of MQTT it would speak, for policies that ask for it.
    #[arg(long, value_name = "VERSION", value_parser = ["3.1.1", "5"])]
    pub mqtt_version: Option<String>,
    /// A filter it would subscribe to.
    #[arg(long, value_name = "FILTER")]
    pub subscribe: Option<String>,
    /// A path it would ask an origin for (listeners with transport = "https").
    #[arg(long, value_name = "PATH", conflicts_with_all = ["client_id", "publish", "subscribe", "mqtt_version"])]
    pub path: Option<String>,
    /// The method it would ask by [default: GET]
    #[arg(long, value_name = "METHOD", requires = "path")]
    pub method: Option<String>,
    /// Judge as of this time (RFC 3339, or seconds since 1970) instead of now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `sessions`
#[derive(Clone, Debug, Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print one JSON array.
    #[arg(long)]
    pub json: bool,
}

/// `kick`
#[derive(Clone, Debug, Args)]
pub(crate) struct KickArgs {
    /// The client whose sessions are closed: its identity, with its namespace (namespace/name) or alone, or else its client
    /// id.
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `status`
#[derive(Clone, Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `reload`
#[derive(Clone, Debug, Args)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `clock`
#[derive(Clone, Debug, Args)]
pub(crate) struct ClockArgs {
    /// What about it.
    #[command(subcommand)]
    pub command: ClockCommand,
}

/// What about the clock.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Judge certificates as of this time again, although lists were signed later: the clock that signed them was ahead.
    #[command(after_help = "Example:
  countersign-broker clock accept --fleet fleet --now 2026-11-28T12:00:00Z")]
    Accept(ClockAcceptArgs),
}

/// `clock accept`
#[derive(Clone, Debug, Args)]
pub(crate) struct ClockAcceptArgs {
    /// The time (RFC 3339, or seconds since 1970).
    #[arg(long, value_name = "TIME")]
    pub now: String,
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `passwd`
#[derive(Clone, Debug, Args)]
#[command(after_help = "The password is asked for twice on a terminal, and read from stdin elsewhere.

Examples:
  countersign-broker passwd --fleet fleet service-ca/backend
  countersign-broker passwd --file passwords --remove service-ca/backend")]
pub(crate) struct PasswdArgs {
    /// Whose: its identity with its namespace.
    #[arg(value_name = "NAMESPACE/NAME")]
    pub name: QualifiedName,
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The password file, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Read the password from this file.
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    pub password_file: Option<PathBuf>,
    /// Remove it.
    #[arg(long)]
    pub remove: bool,
}

/// `completions`
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}
