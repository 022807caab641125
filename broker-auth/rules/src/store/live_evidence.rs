//! [`LiveEvidence`]: what is known of the client of a live session beside its certificate.

use authenticator::evidence::{FactorEvidence, OcspEvidence};
use authenticator::policy::Permit;
use authenticator::trust::{OcspAllow, VerifiedChain};
use rustls_pki_types::UnixTime;

/// The port to those who find out what a certificate does not say.
pub trait LiveEvidence: Send + Sync {
    /// What is known at `now` by OCSP of a client whose trust allows these responders.
    fn ocsp(&self, allow: &[OcspAllow], chain: &VerifiedChain, now: UnixTime) -> OcspEvidence;

    /// Whether what the holder of `permit` has shown beside its certificate still counts.
    fn factor(&self, permit: &Permit) -> FactorEvidence;
}
