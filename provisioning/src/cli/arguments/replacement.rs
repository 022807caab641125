//! [`Replacement`]: what `issue` and `sign` take for a device that is registered already.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use super::numbers::days;
use crate::registry::RevocationReason;

#[derive(Debug, Args)]
pub(in crate::cli) struct Replacement {
    /// Give a registered device another key and certificate: a repaired board, a lost image, a wrong revocation. The
    /// certificates before end, and the CRL is published.
    #[arg(long, requires = "reason")]
    pub(in crate::cli) replace: bool,

    /// Why the certificates before end, by the names of RFC 5280.
    #[arg(long, value_name = "REASON", requires = "replace")]
    #[arg(value_parser = PossibleValuesParser::new(RevocationReason::PERMANENT.map(RevocationReason::name)).try_map(|name| name.parse::<RevocationReason>()))]
    pub(in crate::cli) reason: Option<RevocationReason>,

    /// Let the certificates before live for so many days more: a CRL that is published later has them. Not after a
    /// compromise.
    #[arg(long, value_name = "DAYS", requires = "replace", value_parser = days())]
    pub(in crate::cli) overlap: Option<u32>,
}
