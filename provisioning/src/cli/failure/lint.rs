//! What is wrong with files that were to be checked, and that something in them is.

use super::Failure;
use crate::cli::exit_code::{FOUND_WANTING, REFUSED};
use crate::lint::LintError;

impl Failure {
    /// Clauses that must be met and are not.
    pub(in crate::cli) fn found_wanting(clauses: usize) -> Self {
        Self::new(
            FOUND_WANTING,
            format!("{clauses} clause(s) that must be met are not"),
            "they are the lines that begin with WANTING; in JSON, those whose `result` is `wanting`",
        )
    }
}

impl From<LintError> for Failure {
    fn from(error: LintError) -> Self {
        let help = match &error {
            LintError::Read { path, source } => return Self::io(REFUSED, error.to_string(), path, source),
            LintError::Image { .. } => "make the image again, or read it back from the device again",
            LintError::TooLong { .. } | LintError::Unknown { .. } | LintError::Nothing { .. } => {
                "give certificates, signing requests or CRLs in PEM or DER, or images (.bin, .hex, .uf2)"
            }
        };
        Self::new(REFUSED, error, help)
    }
}
