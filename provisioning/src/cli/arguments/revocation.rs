//! The arguments of `revoke`, `suspend` and `resume`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, ValueHint};
use device_identity::DeviceId;

use super::consent::Consent;
use super::publication::Publication;
use crate::order::WorkOrder;
use crate::registry::RevocationReason;
use crate::serial::SerialNumber;

/// Revoke certificates for good, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision revoke pump-0001 --reason keyCompromise
  countersign-provision revoke --serial 3f5a0c1d2e3f405162738495a6b7c8d9
  countersign-provision revoke --cert found.pem --reason keyCompromise
  countersign-provision revoke --batch WO-2041 --reason cessationOfOperation --dry-run")]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    pub(in crate::cli) targets: Targets,

    /// Why, by the names of RFC 5280.
    #[arg(long, value_name = "REASON", default_value = RevocationReason::Unspecified.name())]
    #[arg(value_parser = PossibleValuesParser::new(RevocationReason::PERMANENT.map(RevocationReason::name)).try_map(|name| name.parse::<RevocationReason>()))]
    pub(in crate::cli) reason: RevocationReason,

    #[command(flatten)]
    pub(in crate::cli) consent: Consent,

    #[command(flatten)]
    pub(in crate::cli) publication: Publication,
}

/// Put certificates on hold, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision suspend pump-0001")]
pub(in crate::cli) struct Suspend {
    #[command(flatten)]
    pub(in crate::cli) targets: Targets,

    #[command(flatten)]
    pub(in crate::cli) consent: Consent,

    #[command(flatten)]
    pub(in crate::cli) publication: Publication,
}

/// Take certificates off hold, and publish the CRL.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision resume pump-0001")]
pub(in crate::cli) struct Resume {
    #[command(flatten)]
    pub(in crate::cli) targets: Targets,

    #[command(flatten)]
    pub(in crate::cli) consent: Consent,

    #[command(flatten)]
    pub(in crate::cli) publication: Publication,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Targets {
    /// Devices or services: every certificate of each.
    #[arg(value_name = "DEVICE_ID")]
    pub(in crate::cli) names: Vec<DeviceId>,

    /// One certificate.
    #[arg(long, value_name = "HEX")]
    pub(in crate::cli) serial: Option<SerialNumber>,

    /// One certificate, by its file: also one that a CA of this fleet signed and the registry does not know.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "dry_run")]
    pub(in crate::cli) cert: Option<PathBuf>,

    /// Every device of a work order, however its name was spaced when it was typed. It is counted first, and needs a
    /// yes, or --yes where there is no terminal.
    #[arg(long, value_name = "WORK_ORDER")]
    pub(in crate::cli) batch: Option<WorkOrder>,
}
