//! [`Init`]: the arguments of `init`.

use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;
use super::numbers::days;
use super::passphrase::{Passphrase, Strength};
use crate::broker::{Address, Host};
use crate::country::Country;
use crate::organization::Organization;
use crate::profile::CRL_DAYS;

/// Make a new fleet: three CAs, a registry, a broker certificate, empty CRLs, broker.toml.
///
/// The root keys (*/root.key) may be moved away right after: nothing daily needs them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision init --organization Acme --broker-host broker.acme.example,10.0.0.5")]
pub(in crate::cli) struct Init {
    /// Goes into every certificate as O.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) organization: Organization,

    /// Goes into the names of the CAs as C: two letters. The IoT profile wants it.
    #[arg(long, value_name = "CC")]
    pub(in crate::cli) country: Option<Country>,

    /// DNS names and IP addresses of the broker; devices use the first.
    #[arg(long, value_name = "HOST", required = true, value_delimiter = ',')]
    pub(in crate::cli) broker_host: Vec<Host>,

    /// The port of the broker.
    #[arg(long, value_name = "PORT", default_value_t = Address::STANDARD_PORT)]
    pub(in crate::cli) broker_port: NonZeroU16,

    /// How long CRLs of this fleet live, in days.
    #[arg(long, value_name = "DAYS", default_value_t = CRL_DAYS, value_parser = days())]
    pub(in crate::cli) crl_days: u32,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    /// The file of the root keys' passphrase; or COUNTERSIGN_ROOT_PASSPHRASE. By default it is the same.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) root_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) strength: Strength,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
