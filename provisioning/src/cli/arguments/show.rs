//! [`Show`]: the arguments of `show`.

use clap::Args;
use device_identity::DeviceId;

use super::json::Json;

/// Show a device or service with all its certificates.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision show pump-0001")]
pub(in crate::cli) struct Show {
    /// The device, or service.
    #[arg(value_name = "DEVICE_ID")]
    pub(in crate::cli) name: DeviceId,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
