//! What OCSP makes of a client whose chain is proven, by the mode of its trust.

use rustls_pki_types::UnixTime;

use crate::certificate::{RevocationReason, timestamp};
use crate::evidence::OcspEvidence;
use crate::ocsp::{OcspAnswer, OcspStatus};
use crate::reason::{Reason, Refusal};
use crate::trust::{LoadedTrust, OcspMode, VerifiedChain};

/// What a client goes on with that OCSP does not refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OcspStanding {
    /// Its CA says that it is good.
    Good {
        /// The last second that this counts.
        valid_until: UnixTime,
    },
    /// There is no answer, and a revocation list that is not too old does not have it.
    ListInstead {
        /// Why there is no answer.
        why: String,
    },
    /// It goes on until its responder has answered, or failed to: that takes seconds.
    Pending,
    /// There is no answer, nor a revocation list that counts: whether it is revoked is not known.
    Unchecked {
        /// Why there is no answer.
        why: String,
    },
}

/// Judges what is known by OCSP of the leaf of `chain`, which is proven under `trust`. `None`: nobody is to be asked.
///
/// A certificate that is revoked, or that its CA's responder does not know, is refused whatever the mode. An answer that has
/// ended is none. Without an answer `prefer` goes on, as what revocation lists say has been judged with the chain; `require`
/// refuses.
///
/// # Errors
/// It is revoked or on hold, or nobody vouches for it and the trust asks for that.
pub(super) fn judge_ocsp(
    trust: &LoadedTrust,
    chain: &VerifiedChain,
    evidence: &OcspEvidence,
    now: UnixTime,
) -> Result<Option<OcspStanding>, Refusal> {
    let mode = trust.config().ocsp;
    if mode == OcspMode::Off {
        return Ok(None);
    }
    if *evidence == OcspEvidence::Pending {
        return Ok(Some(OcspStanding::Pending));
    }
    let why = match usable(trust, chain, evidence, now) {
        Ok(answer) => return refuse_not_good(chain, answer).map(Some),
        Err(why) => why,
    };
    match mode {
        OcspMode::Off => Ok(None),
        OcspMode::Prefer if trust.has_fresh_lists(chain, now) => Ok(Some(OcspStanding::ListInstead { why })),
        OcspMode::Prefer => Ok(Some(OcspStanding::Unchecked { why })),
        OcspMode::Require => Err(chain.leaf().refused(Reason::OcspUnavailable, why)),
    }
}

/// The answer, if there is one that counts for this certificate now, or why there is none.
fn usable<'e>(
    trust: &LoadedTrust,
    chain: &VerifiedChain,
    evidence: &'e OcspEvidence,
    now: UnixTime,
) -> Result<&'e OcspAnswer, String> {
    let answer = match evidence {
        OcspEvidence::NotAsked | OcspEvidence::Pending => {
            return Err("no OCSP responder was asked about it".to_owned());
        }
        OcspEvidence::Unavailable(why) => return Err(format!("there is no OCSP answer: {why}")),
        OcspEvidence::Answered(answer) => answer,
    };
    if !answer.is_about(chain) {
        return Err("the OCSP answer is about another certificate".to_owned());
    }
    if !answer.counts_at(now) {
        return Err(format!("the OCSP answer counted until {}", timestamp(answer.valid_until())));
    }
    match answer.delegate() {
        Some(serial) if trust.lists_as_revoked(chain.issuer(), serial) => {
            Err(format!("the OCSP answer is signed by the holder of certificate {serial}, which is revoked"))
        }
        _ => Ok(answer),
    }
}

fn refuse_not_good(chain: &VerifiedChain, answer: &OcspAnswer) -> Result<OcspStanding, Refusal> {
    let reason = match answer.status() {
        OcspStatus::Good => return Ok(OcspStanding::Good { valid_until: answer.valid_until() }),
        OcspStatus::Unknown => {
            let evidence = "the responder does not know the certificate: its CA may never have issued it";
            return Err(chain.leaf().refused(Reason::OcspUnavailable, evidence));
        }
        OcspStatus::Revoked { reason: RevocationReason::CertificateHold, .. } => Reason::Suspended,
        OcspStatus::Revoked { .. } => Reason::Revoked,
    };
    let evidence = format!(
        "serial {} of {} is {}; that is what its CA's OCSP responder said at {}",
        chain.leaf().serial(),
        chain.leaf().issuer(),
        answer.status(),
        timestamp(answer.this_update())
    );
    let is_superseded =
        matches!(answer.status(), OcspStatus::Revoked { reason: RevocationReason::Superseded, .. });
    Err(Refusal { is_superseded, ..chain.leaf().refused(reason, evidence) })
}
