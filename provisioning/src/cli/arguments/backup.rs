//! The arguments of `backup` and `restore`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;

/// Write the fleet into one file: registry, CAs, lists, and the files of the broker and of services.
///
/// Others may work meanwhile. The keys of CAs are in it as they are, encrypted; those of the broker and of services are not
/// encrypted, so keep it as safe as the fleet. It is a tar archive with SHA256SUMS in it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, from cron:
  countersign-provision backup /mnt/safe/fleet-$(date +%F).tar")]
pub(in crate::cli) struct Backup {
    /// The file to write, which must not exist.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,

    /// With the images too, and so with the private keys of devices.
    #[arg(long)]
    pub(in crate::cli) with_images: bool,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}

/// Put the files of a backup where they are missing, and make the fleet again if there is none.
///
/// Nothing that is there is replaced: it is newer than the backup. What certificates, images and published lists know and
/// the registry lacks is read back into it, as `reconcile` does. To take a file from the backup that is there and damaged,
/// move that away first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision restore /mnt/safe/fleet-2026-11-30.tar --fleet fleet
  countersign-provision restore /mnt/safe/fleet-2026-11-30.tar --json")]
pub(in crate::cli) struct Restore {
    /// The backup.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
