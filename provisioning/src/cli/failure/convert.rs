//! Why files were not converted.

use std::path::Path;

use super::{FAULT_HELP, Failure};
use crate::cli::exit_code::{FAILED, REFUSED, USAGE};
use crate::convert::ConvertError;
use crate::issuance::IssuanceError;

impl Failure {
    /// A path of one file, for two.
    pub(in crate::cli) fn several_files(out: &Path) -> Self {
        Self::new(
            USAGE,
            format!("certificate and private key are two files, and {} is one", out.display()),
            "give --out a directory, with a slash at its end if it is new",
        )
    }
}

impl From<ConvertError> for Failure {
    fn from(error: ConvertError) -> Self {
        let refused = |error: ConvertError, help: &str| Self::new(REFUSED, error, help);
        match error {
            ConvertError::Read { path, source } => Self::unreadable(&path, &source),
            ConvertError::Address(_) => {
                Self::new(USAGE, error, "give the --address at which the slot is to be")
            }
            ConvertError::NoAddress { .. } => {
                Self::new(USAGE, error, "give the --address of the slot in flash")
            }
            ConvertError::Placement(error) => error.into(),
            ConvertError::Files => {
                Self::new(USAGE, error, "give one image, or a *.cert.pem and its *.key.pem, of one device")
            }
            ConvertError::NoKey { .. } => Self::new(
                USAGE,
                error,
                "give the *.key.pem too; if the key is on the device, say in which --key-slot",
            ),
            ConvertError::KeyTwice { .. } => {
                Self::new(USAGE, error, "leave --key-slot out, or move the *.key.pem away")
            }
            ConvertError::NoCertificate { .. } => Self::new(USAGE, error, "give the *.cert.pem too"),
            ConvertError::TooLong { .. } | ConvertError::File { .. } | ConvertError::Chain { .. } => refused(
                error,
                "give a file as `issue` writes it (`countersign-provision inspect FILE` says what is in one)",
            ),
            ConvertError::NotADevice { .. } => refused(error, "give the files of a device"),
            ConvertError::Key { .. } => refused(
                error,
                "give the private key of this certificate: by it, the device would not be let in",
            ),
            ConvertError::NotIssuedHere { .. } => {
                refused(error, "name the fleet that issued it with --fleet")
            }
            ConvertError::Certificate { .. } => {
                refused(error, "a certificate that has ended, or was changed, is not put into an image")
            }
            ConvertError::Slot(error) => IssuanceError::Slot(error).into(),
            ConvertError::Pem(_) => Self::new(FAILED, error, FAULT_HELP),
            ConvertError::Issuer(error) => error.into(),
            ConvertError::Registry(error) => error.into(),
        }
    }
}
