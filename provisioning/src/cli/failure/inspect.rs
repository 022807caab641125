//! What is wrong with a file that was to be inspected.

use super::Failure;
use crate::cli::exit_code::REFUSED;
use crate::inspect::InspectError;

impl From<InspectError> for Failure {
    fn from(error: InspectError) -> Self {
        let help = match &error {
            InspectError::Read { path, source } => return Self::io(REFUSED, &error, path, source),
            InspectError::TooLong { .. } | InspectError::Unknown { .. } => {
                "give an image (.bin, .hex, .uf2), or a certificate, private key, signing request or CRL in PEM or DER"
            }
            InspectError::Image { .. } | InspectError::ImageCertificate { .. } => {
                "make the image again, or read it back from the device again"
            }
            InspectError::Section { .. } => "get the file again from where it came",
        };
        Self::new(REFUSED, error, help)
    }
}
