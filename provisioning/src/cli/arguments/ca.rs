//! The arguments of `ca` and what belongs to it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::json::Json;
use super::passphrase::{Passphrase, Strength};

/// Look after the keys of the CAs.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision ca reseal --new-passphrase-file new.pass")]
pub(in crate::cli) struct Ca {
    #[command(subcommand)]
    pub(in crate::cli) command: CaCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CaCommand {
    Reseal(Reseal),
}

/// Encrypt CA keys anew: with another passphrase, or with the same one as OpenSSL reads it.
///
/// The keys stay the same. Copies of the files, in backups say, still open with the old passphrase.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision ca reseal --passphrase-file old.pass --new-passphrase-file new.pass
  countersign-provision ca reseal safe/device-root.key --passphrase-file root.pass --new-passphrase-file new.pass")]
pub(in crate::cli) struct Reseal {
    /// The key files. [default: the issuing keys of the fleet]
    #[arg(value_name = "KEY_FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) keys: Vec<PathBuf>,

    /// The file of the new passphrase. [default: the same passphrase, as OpenSSL reads it]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) new_passphrase_file: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) strength: Strength,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
