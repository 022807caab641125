//! One revocation list, verified.

/// Why a revocation list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// It is not a complete v2 CRL in DER that can be judged.
    #[error("it is no revocation list that can be used: {detail}")]
    Malformed {
        /// What is wrong.
        detail: String,
    },
}
