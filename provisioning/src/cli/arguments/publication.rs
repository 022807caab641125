//! [`Publication`]: what every command takes that publishes CRLs; and the arguments of `crl`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;
use super::numbers::days;
use super::passphrase::Passphrase;

/// Sign fresh CRLs now. To be run before the old ones end, once a day say.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, from cron:
  countersign-provision crl")]
pub(in crate::cli) struct Crl {
    /// Also write all CRLs into this file, which replaces nothing but CRLs.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) out: Option<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) publication: Publication,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Publication {
    /// How long the CRL lives, in days. [default: what init was told]
    #[arg(long, value_name = "DAYS", value_parser = days())]
    pub(in crate::cli) crl_days: Option<u32>,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
