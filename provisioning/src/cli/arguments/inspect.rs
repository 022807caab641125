//! [`Inspect`]: the arguments of `inspect`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;

/// Say what is in images, certificates, private keys, signing requests and CRLs.
///
/// Images are read in every format that issue writes. Private keys are described, not shown. Of a damaged file the line,
/// block or section is named that is; the other files are said all the same. With --json, several files make an array.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision inspect fleet/images/pump-0001.bin")]
pub(in crate::cli) struct Inspect {
    /// The files.
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
