//! [`StartError`]: why a broker does not run.

use std::fmt::Display;

/// Why a broker does not run, by who must act.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The author of the configuration, or of a file that it names.
    Refused {
        /// What is wrong.
        what: String,
        /// What to do.
        help: &'static str,
    },
    /// The person who typed the command.
    Usage {
        /// What is wrong.
        what: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// The operator of the machine.
    Failed {
        /// What failed.
        what: String,
        /// What to do.
        help: &'static str,
    },
}

impl StartError {
    pub(crate) fn refused(error: impl Display) -> Self {
        let help = "countersign-broker check says all that is wrong with the configuration";
        Self::Refused { what: error.to_string(), help }
    }

    pub(crate) fn failed(what: impl Display, help: &'static str) -> Self {
        Self::Failed { what: what.to_string(), help }
    }
}
