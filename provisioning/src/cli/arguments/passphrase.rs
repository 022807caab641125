//! [`Passphrase`]: where the passphrase comes from.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Args)]
pub(in crate::cli) struct Passphrase {
    /// The file of the CA keys' passphrase; or COUNTERSIGN_PASSPHRASE; or a prompt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) passphrase_file: Option<PathBuf>,
}
