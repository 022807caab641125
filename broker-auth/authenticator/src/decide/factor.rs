//! What a second factor makes of a client, by the policy that asks for it.

use rustls_pki_types::UnixTime;

use crate::evidence::FactorEvidence;
use crate::factor::{FactorKind, SecondFactor};
use crate::identity::Client;
use crate::reason::{Reason, Refusal};

/// Judges what `client` has shown beside its certificate. `None`: it was not asked yet.
///
/// # Errors
/// It is not what the policy asks for, or somebody else's.
pub(super) fn judge_factor<'e>(
    wanted: FactorKind,
    client: &Client,
    evidence: &'e FactorEvidence,
    now: UnixTime,
) -> Result<Option<&'e SecondFactor>, Refusal> {
    let refused = |why: String| client.refused(Reason::SecondFactor, why);
    match evidence {
        FactorEvidence::NotAsked => Ok(None),
        FactorEvidence::Refused(why) => Err(refused(why.clone())),
        FactorEvidence::Busy(why) => Err(client.refused(Reason::RateLimited, why.clone())),
        FactorEvidence::Shown(factor) if factor.kind() != wanted => {
            Err(refused(format!("the policy asks for a {wanted}, and a {} was shown", factor.kind())))
        }
        FactorEvidence::Shown(factor) => {
            factor.refuse_other(client, now).map_err(refused)?;
            Ok(Some(factor))
        }
    }
}
