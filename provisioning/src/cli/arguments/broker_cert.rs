//! [`BrokerCert`]: the arguments of `broker-cert`.

use clap::Args;

use super::clock::ClockConsent;
use super::json::Json;
use super::numbers::days;
use super::passphrase::Passphrase;
use crate::broker::Host;
use crate::profile::BROKER_DAYS;

/// Make a new certificate and key for the broker.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, from cron, well before the old one ends:
  countersign-provision broker-cert

Another name beside those that devices know, from now on:
  countersign-provision broker-cert --host broker.example")]
pub(in crate::cli) struct BrokerCert {
    /// Names of the broker, beside those it has; later certificates carry them, too.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(in crate::cli) host: Vec<Host>,

    /// No other names than those of --host, from now on; new images carry the first of them.
    #[arg(long, requires = "host")]
    pub(in crate::cli) only: bool,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = BROKER_DAYS, value_parser = days())]
    pub(in crate::cli) days: u32,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) clock: ClockConsent,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
