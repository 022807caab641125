//! [`Show`]: the arguments of `show`.

use clap::Args;

use super::json::Json;

/// Show a device or service with all its certificates.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision show pump-0001")]
pub(in crate::cli) struct Show {
    /// The device or service; or the serial number of a certificate; or the serial number on a board.
    #[arg(value_name = "ID")]
    pub(in crate::cli) name: String,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
