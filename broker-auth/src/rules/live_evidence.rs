//! [`LiveEvidence`]: what is known of the client of a live session beside its certificate.

use authenticator::evidence::{FactorEvidence, OcspEvidence};
use authenticator::policy::Permit;
use authenticator::trust::ChainResult;

use super::RulesetStore;

/// The port to those who find out what a certificate does not say.
pub(crate) trait LiveEvidence: Send + Sync {
    /// What is known by OCSP of a client of `store`.
    fn ocsp(&self, store: &RulesetStore, chain: &ChainResult) -> OcspEvidence;

    /// Whether what the holder of `permit` has shown beside its certificate still counts.
    fn factor(&self, permit: &Permit) -> FactorEvidence;
}
