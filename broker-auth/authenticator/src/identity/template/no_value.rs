//! [`NoValue`]: why a template yields no text for a certificate.

use std::fmt;

/// Why a template yields no text for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) enum NoValue {
    /// The certificate has nothing of the kind: another template may fit.
    Absent(String),
    /// It has something that must not be used.
    Unfit(String),
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(evidence) | Self::Unfit(evidence) => f.pad(evidence),
        }
    }
}
