//! [`ExportBroker`]: the arguments of `export-broker`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::json::Json;

/// Copy what a broker host needs, and no key of a CA or a device.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision export-broker --out broker-files
  countersign-provision export-broker --out broker-files --crl-only     (daily)
  countersign-provision export-broker --for mosquitto --out mosquitto-files --installed-in /etc/mosquitto/fleet")]
pub(in crate::cli) struct ExportBroker {
    /// Where the copies go. Files of an earlier export are replaced, and keep their owner, group and mode; a configuration
    /// that was edited is not, and gets the new one beside it.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) out: PathBuf,

    /// The broker; mosquitto gets a mosquitto.conf too.
    #[arg(id = "for", long, value_enum, value_name = "BROKER", default_value_t)]
    pub(in crate::cli) host: ExportFor,

    /// Copy the CRLs alone: what changes from day to day.
    #[arg(long, conflicts_with_all = ["for", "installed_in"])]
    pub(in crate::cli) crl_only: bool,

    /// Where the files will be on mosquitto's host [default: DIR of --out]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) installed_in: Option<PathBuf>,

    /// Where the plugin is on mosquitto's host.
    #[arg(
        long,
        value_name = "PATH",
        value_hint = ValueHint::FilePath,
        default_value = "/usr/local/lib/libcountersign_mosquitto.so"
    )]
    pub(in crate::cli) plugin: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}

/// What a broker host runs.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum ExportFor {
    /// countersign-broker
    #[default]
    Countersign,
    /// mosquitto, with the plugin countersign-mosquitto
    Mosquitto,
}
