//! [`Cert`]: the arguments of `cert`.

use clap::Args;

/// Print the certificate chain of a device or service as PEM: its newest certificate, then the issuing CA's.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  countersign-provision cert pump-0001 > pump-0001.cert.pem")]
pub(in crate::cli) struct Cert {
    /// The device or service; or the serial number of one certificate; or the serial number on a board.
    #[arg(value_name = "ID")]
    pub(in crate::cli) name: String,
}
