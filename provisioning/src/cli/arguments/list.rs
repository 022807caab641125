//! [`List`]: the arguments of `list`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::json::Json;
use crate::registry::Status;

/// List devices, or services, each with its newest certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, what ends within thirty days:
  countersign-provision list --expiring 30")]
pub(in crate::cli) struct List {
    /// Only those whose newest certificate has this status.
    #[arg(long, value_name = "STATUS")]
    #[arg(value_parser = PossibleValuesParser::new(Status::ALL.map(Status::name)).try_map(|name| name.parse::<Status>()))]
    pub(in crate::cli) status: Option<Status>,

    /// Only those whose newest certificate ends within this many days, and has not ended yet.
    #[arg(long, value_name = "DAYS")]
    pub(in crate::cli) expiring: Option<u32>,

    /// List services instead of devices.
    #[arg(long)]
    pub(in crate::cli) services: bool,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
