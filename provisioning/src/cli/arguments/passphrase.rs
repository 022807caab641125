//! [`Passphrase`]: where the passphrase comes from; [`Strength`]: how short a new one may be.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Args)]
pub(in crate::cli) struct Passphrase {
    /// The file of the CA keys' passphrase; or COUNTERSIGN_PASSPHRASE; or a prompt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
}

/// Whether keys may be encrypted with a passphrase that is found by trying.
#[derive(Debug, Args)]
pub(in crate::cli) struct Strength {
    /// Take a passphrase of fewer than 12 characters for the keys.
    #[arg(long)]
    pub(in crate::cli) weak_passphrase: bool,
}
