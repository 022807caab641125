//! [`Lint`]: the arguments of `lint`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::json::Json;

/// Check certificates, signing requests and CRLs against RFC 5280 and the IoT profile, clause by clause.
///
/// IoT is draft-ietf-uta-tls13-iot-profile. Ends with 6 if a clause with MUST is not met; deviations on purpose are
/// listed with their reasons. What a CA among the files has signed is checked against it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision lint fleet/device-ca/*.pem fleet/images/pump-0001.cert.pem fleet/crl/device-ca.crl")]
pub(in crate::cli) struct Lint {
    /// The files, PEM or DER; of a credential image, the certificates.
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(in crate::cli) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
