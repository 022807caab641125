//! Why a certificate from a file is not revoked.

use std::path::Path;

use super::Failure;
use crate::cli::exit_code::REFUSED;
use crate::registry::AdoptionError;

impl Failure {
    /// A file without a certificate that this fleet's CA signed.
    pub(in crate::cli) fn foreign_certificate(path: &Path) -> Self {
        Self::new(
            REFUSED,
            format!("{} holds no certificate that a CA of this fleet signed", path.display()),
            "nothing was changed; give a certificate of this fleet, in PEM or DER",
        )
    }

    /// A certificate that this fleet's CA signed, and that does not fit into the registry.
    pub(in crate::cli) fn unadopted(path: &Path, error: AdoptionError) -> Self {
        match error {
            AdoptionError::Registry(error) => error.into(),
            error => Self::new(
                REFUSED,
                format!("{}: a CA of this fleet signed it, but {error}", path.display()),
                "nothing was changed; somebody else may have used the CA's key",
            ),
        }
    }
}
