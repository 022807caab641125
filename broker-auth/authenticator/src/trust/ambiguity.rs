//! No certificate may be judged by the rules of two trusts.

use super::error::TrustError;
use super::loaded_trust::LoadedTrust;

/// Refuses trusts that share a CA, or of which one has a CA that the other's anchor issued: the client could choose by
/// what it presents whether it is, say, a device or a service.
pub fn refuse_ambiguity(trusts: &[LoadedTrust]) -> Result<(), TrustError> {
    for trust in trusts {
        for other in trusts.iter().filter(|other| other.name() != trust.name()) {
            for authority in trust.authorities() {
                let is_shared = other.anchors().any(|anchor| {
                    anchor.authority() == authority.authority() || authority.claims_issuer(anchor)
                });
                if is_shared {
                    return Err(TrustError::Ambiguous {
                        trust: trust.name().clone(),
                        other: other.name().clone(),
                        subject: authority.subject().to_string(),
                    });
                }
            }
        }
    }
    Ok(())
}
