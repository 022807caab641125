//! [`Inspect`]: the arguments of `inspect`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;

/// Say what is in an image, a certificate, a private key, a signing request or a CRL.
///
/// Images are read in every format that issue writes. Private keys are described, not shown. Of a damaged file the line,
/// block or section is named that is.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision inspect fleet/images/pump-0001.bin")]
pub(in crate::cli) struct Inspect {
    /// The file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) file: PathBuf,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
