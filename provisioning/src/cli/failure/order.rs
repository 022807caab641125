//! What is wrong with an order, or a signing request.

use std::path::Path;

use super::Failure;
use crate::cli::exit_code::{CONFLICT, REFUSED};
use crate::csr::CsrError;
use crate::order::OrderError;

impl Failure {
    /// A signing request without a usable common name.
    pub(in crate::cli) fn unusable_common_name(path: &Path, error: &device_identity::SubjectError) -> Self {
        Self::new(
            REFUSED,
            format!("{}: {error}", path.display()),
            "say which device it is for with --device-id",
        )
    }

    /// A signing request that was refused.
    pub(in crate::cli) fn csr(path: &Path, error: &CsrError) -> Self {
        let help = match error {
            CsrError::PublicKey(_) => {
                "make the device's key with P-256 (`openssl ecparam -name prime256v1 -genkey`)"
            }
            CsrError::ProofOfPossession => {
                "let the device make a new request, signed by the key that is in it"
            }
            CsrError::TooLong { .. } | CsrError::Malformed | CsrError::Trailing { .. } => {
                "give a PKCS#10 request in DER or PEM, and nothing else in the file"
            }
        };
        Self::new(REFUSED, format!("{}: {error}", path.display()), help)
    }
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        let (exit_code, help) = match &error {
            OrderError::Read { path, source } => return Self::io(REFUSED, &error, path, source),
            OrderError::TooLong { .. } => (REFUSED, "split the order"),
            OrderError::Header { .. } => {
                (REFUSED, "the first line names the columns: device_id, and any others, each once")
            }
            OrderError::Lines { .. } => {
                (REFUSED, "correct these lines and run the order again; nothing was made")
            }
            OrderError::Duplicates { .. } => {
                (CONFLICT, "name every device and every key once, and run the order again; nothing was made")
            }
        };
        Self::new(exit_code, error, help)
    }
}
