//! [`Service`]: the arguments of `service`.

use clap::Args;
use device_identity::ServiceName;

use super::clock::ClockConsent;
use super::json::Json;
use super::numbers::days;
use super::passphrase::Passphrase;
use crate::profile::SERVICE_DAYS;

/// Make a certificate and key for a back-end client.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision service historian")]
pub(in crate::cli) struct Service {
    /// What the service is called. Devices and services share their names.
    #[arg(value_name = "NAME")]
    pub(in crate::cli) name: ServiceName,

    /// Replace the certificate and key of a service there is; the old certificate stays valid until it ends.
    #[arg(long)]
    pub(in crate::cli) renew: bool,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = SERVICE_DAYS, value_parser = days())]
    pub(in crate::cli) days: u32,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) clock: ClockConsent,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
