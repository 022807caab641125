//! [`Sign`]: the arguments of `sign`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use device_identity::DeviceId;

use super::clock::ClockConsent;
use super::json::Json;
use super::numbers::days;
use super::passphrase::Passphrase;
use super::replacement::Replacement;
use crate::profile::DEVICE_DAYS;

/// Certify a device that made its own key, from its signing request (PKCS#10).
///
/// Of the request, only the public key is taken; and its common name, as a claim, if no device id is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  countersign-provision sign --csr pump-0003.csr --device-id pump-0003
  countersign-provision sign --csr pump-0003.csr --device-id pump-0003 --replace --reason superseded")]
pub(in crate::cli) struct Sign {
    /// The signing request, DER or PEM.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) csr: PathBuf,

    /// The device it is for. Without it, the request's common name is believed if it is a new device id.
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) device_id: Option<DeviceId>,

    /// The certificate file. [default: images/<id>.cert.pem in the fleet]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) out: Option<PathBuf>,

    /// How long the certificate lives, in days.
    #[arg(long, value_name = "DAYS", default_value_t = DEVICE_DAYS, value_parser = days())]
    pub(in crate::cli) days: u32,

    #[command(flatten)]
    pub(in crate::cli) replacement: Replacement,

    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,

    #[command(flatten)]
    pub(in crate::cli) clock: ClockConsent,

    #[command(flatten)]
    pub(in crate::cli) json: Json,
}
