//! [`List`]: the arguments of `list`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::json::Json;
use crate::order::DetailFilter;
use crate::registry::{KeyOrigin, Status};
use crate::spelling::Meaning;

/// List devices, or services, each with its newest certificate.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples, what ends within thirty days, and a work order as a spreadsheet:
  countersign-provision list --expiring 30
  countersign-provision list --work-order WO-2041 --csv > WO-2041.csv")]
pub(in crate::cli) struct List {
    /// Only those whose newest certificate has this status; for superseded, the certificates that were replaced.
    #[arg(long, value_name = "STATUS")]
    #[arg(value_parser = PossibleValuesParser::new(Status::ALL.map(Status::name)).try_map(|name| name.parse::<Status>()))]
    pub(in crate::cli) status: Option<Status>,

    /// Only those whose newest certificate ends within this many days, and has not ended yet.
    #[arg(long, value_name = "DAYS")]
    pub(in crate::cli) expiring: Option<u32>,

    /// Only the devices of this work order, however its name was spaced when it was typed.
    #[arg(long, value_name = "WORK_ORDER", conflicts_with = "services")]
    pub(in crate::cli) work_order: Option<Meaning>,

    /// Only the devices of this product.
    #[arg(long, value_name = "PRODUCT", conflicts_with = "services")]
    pub(in crate::cli) product: Option<Meaning>,

    /// Only the devices with this serial number on their boards.
    #[arg(long, value_name = "SERIAL_NUMBER", conflicts_with = "services")]
    pub(in crate::cli) serial_number: Option<Meaning>,

    /// Only the devices with this value in a column of their order; may be repeated.
    #[arg(long = "where", value_name = "COLUMN=VALUE", conflicts_with = "services")]
    pub(in crate::cli) columns: Vec<DetailFilter>,

    /// Only those whose key was made by this program (factory), on the device (device), or nobody knows (unknown).
    #[arg(long, value_name = "ORIGIN")]
    #[arg(value_parser = PossibleValuesParser::new(KeyOrigin::ALL.map(KeyOrigin::name)).try_map(|name| name.parse::<KeyOrigin>()))]
    pub(in crate::cli) key_origin: Option<KeyOrigin>,

    /// Print CSV for a spreadsheet. A cell that begins like a formula gets an apostrophe in front.
    #[arg(long, conflicts_with = "requested")]
    pub(in crate::cli) csv: bool,

    /// List services instead of devices.
    #[arg(long)]
    pub(in crate::cli) services: bool,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
