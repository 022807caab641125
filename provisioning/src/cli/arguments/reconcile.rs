//! [`Reconcile`]: the arguments of `reconcile`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;
use crate::broker::Host;

/// Read certificates, images and published lists back into the registry, after it was lost or put back from a backup.
///
/// Every file is proven by the CAs of this fleet, whose certificates have to be there. No key is needed, no file is
/// changed, and nothing is revoked but what a list has. What an order said of a device (product, serial number, work
/// order) is in no file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision reconcile --dry-run
  countersign-provision reconcile --images /mnt/station-2/images --certs broker-files")]
pub(in crate::cli) struct Reconcile {
    /// A further directory of images, of any format, with all below it. The fleet's own images and services are always read.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) images: Vec<PathBuf>,

    /// A further directory of certificates and lists, with all below it.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) certs: Vec<PathBuf>,

    /// What the broker is called, if the registry is lost and neither an image nor the broker's certificate says it.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(in crate::cli) broker_host: Vec<Host>,

    /// Say what would be read back, and change nothing.
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
