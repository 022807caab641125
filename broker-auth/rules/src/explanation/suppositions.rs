//! What is supposed of a client where nobody asks it, nor its CA: `explain --ocsp`, `--factor`.

use authenticator::certificate::RevocationReason;
use authenticator::decide::{Decision, Granted, Request, decide};
use authenticator::evidence::{Evidence, FactorEvidence, OcspEvidence};
use authenticator::factor::SecondFactor;
use authenticator::ocsp::{OcspAnswer, OcspStatus};
use authenticator::ruleset::Ruleset;
use authenticator::trust::{ChainResult, OcspMode, VerifiedChain};
use rustls_pki_types::UnixTime;
use serde::{Deserialize, Serialize};

/// What a responder is supposed to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupposedOcsp {
    /// It is good.
    Good,
    /// It is revoked.
    Revoked,
    /// It is on hold.
    Suspended,
    /// The responder does not know it.
    Unknown,
    /// Nothing.
    Unavailable,
}

/// What a client is supposed to show beside its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupposedFactor {
    /// What the policy asks for.
    Right,
    /// Something else.
    Wrong,
    /// Nothing.
    None,
}

impl SupposedOcsp {
    fn evidence(self, chain: &VerifiedChain, now: UnixTime) -> OcspEvidence {
        let status = match self {
            Self::Good => OcspStatus::Good,
            Self::Revoked => OcspStatus::Revoked { at: now, reason: RevocationReason::Unspecified },
            Self::Suspended => OcspStatus::Revoked { at: now, reason: RevocationReason::CertificateHold },
            Self::Unknown => OcspStatus::Unknown,
            Self::Unavailable => return OcspEvidence::Unavailable("it is supposed to be silent".to_owned()),
        };
        OcspEvidence::Answered(OcspAnswer::supposed(chain, status, now))
    }
}

/// A decision, and what a broker would ask for that it rests on.
pub(super) struct Supposed {
    pub(super) decision: Decision,
    pub(super) would_ask: Vec<String>,
}

/// Decides by `rules`, as if all that is not known were well; `known` is what a running broker has heard by OCSP.
pub(super) fn suppose(
    rules: &Ruleset,
    mut evidence: Evidence,
    request: &Request<'_>,
    (ocsp, factor): (Option<SupposedOcsp>, Option<SupposedFactor>),
    known: impl Fn(&VerifiedChain) -> OcspEvidence,
) -> Supposed {
    let mut would_ask = Vec::new();
    if let ChainResult::Proven(chain) = &evidence.chain {
        let asks = rules.trust_of(chain).is_some_and(|trust| trust.config().ocsp != OcspMode::Off);
        let answer = match (ocsp, known(chain)) {
            (Some(supposed), _) => supposed.evidence(chain, evidence.time),
            (None, OcspEvidence::NotAsked) if asks => {
                would_ask.push("ocsp".to_owned());
                SupposedOcsp::Good.evidence(chain, evidence.time)
            }
            (None, known) => known,
        };
        evidence = evidence.ocsp(answer);
    }
    let decision = decide(rules, &evidence, request);
    let Ok(Granted::Asked { kind, .. }) = &decision.outcome else { return Supposed { decision, would_ask } };
    let shown = match factor {
        Some(SupposedFactor::Wrong) => FactorEvidence::Refused(format!("the {kind} is supposed to be wrong")),
        Some(SupposedFactor::None) => FactorEvidence::Refused(format!("no {kind} was shown")),
        Some(SupposedFactor::Right) => FactorEvidence::Shown(SecondFactor::Supposed(*kind)),
        None => {
            would_ask.push(kind.as_str().to_owned());
            FactorEvidence::Shown(SecondFactor::Supposed(*kind))
        }
    };
    Supposed { decision: decide(rules, &evidence.factor(shown), request), would_ask }
}
