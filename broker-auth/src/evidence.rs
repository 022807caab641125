//! What is found out about a client that its certificate does not say: each takes time, and becomes a value that decisions are
//! made by.

mod ocsp;
mod second_factors;

pub(crate) use ocsp::OcspAnswers;
pub(crate) use second_factors::{FetchKeys, SecondFactors};

use std::sync::Arc;

use authenticator::decide::{Decision, Granted, Request};
use authenticator::evidence::{Evidence, FactorEvidence, OcspEvidence};
use authenticator::origin::Origin;
use authenticator::policy::Permit;
use authenticator::trust::{ChainResult, OcspAllow, VerifiedChain};
use broker_rules::factors::Credentials;
use broker_rules::store::{LiveEvidence, RulesetStore};
use rustls_pki_types::UnixTime;

/// What a client shows beside its certificate.
pub(crate) enum Shown<'a> {
    /// This.
    Now(Credentials<'a>),
    /// What it had shown already when it was granted this.
    Before(&'a Permit),
}

/// Those who find out. One for all listeners.
pub(crate) struct Gatherers {
    pub(crate) ocsp: Arc<OcspAnswers>,
    pub(crate) second_factors: Arc<SecondFactors>,
}

impl Gatherers {
    /// Has the sessions of `store` judged by what is found out.
    pub(crate) fn serve(self: &Arc<Self>, store: &Arc<RulesetStore>) {
        store.judge_sessions_by(Arc::clone(self) as Arc<dyn LiveEvidence>);
        self.ocsp.serve(store);
        self.second_factors.store().serve(store);
    }

    /// Decides what a client asks for that presents this chain and comes like this, and finds out on the way what `rules` want
    /// to be known of it.
    pub(crate) async fn decide(
        &self,
        rules: &RulesetStore,
        (chain, origin): (ChainResult, Origin),
        request: &Request<'_>,
        shown: &Shown<'_>,
    ) -> Decision {
        let ocsp = match &chain {
            ChainResult::Proven(chain) => self.ocsp.ask(rules, chain).await,
            ChainResult::Unproven(_) | ChainResult::NotPresented => OcspEvidence::NotAsked,
        };
        let evidence = Evidence::new(chain, rules.now()).origin(origin).ocsp(ocsp);
        let credentials = match shown {
            Shown::Now(credentials) => credentials,
            Shown::Before(permit) => {
                return rules.decide_by(&evidence.factor(self.factor(permit)), request);
            }
        };
        let decision = rules.decide_by(&evidence, request);
        let Ok(Granted::Asked { kind, client }) = &decision.outcome else { return decision };
        let factor = self.second_factors.ask(*kind, client, credentials, rules.now()).await;
        // It has taken its time.
        rules.decide_by(&evidence.factor(factor).at(rules.now()), request)
    }

    /// Decides again what the holder of `permit` goes on asking for, by what is known already.
    pub(crate) fn decide_again(
        &self,
        rules: &RulesetStore,
        (chain, origin): (ChainResult, Origin),
        request: &Request<'_>,
        permit: &Permit,
    ) -> Decision {
        rules.decide_by(&rules.known_evidence(self, chain, permit).origin(origin), request)
    }
}

impl LiveEvidence for Gatherers {
    fn ocsp(&self, allow: &[OcspAllow], chain: &VerifiedChain, now: UnixTime) -> OcspEvidence {
        self.ocsp.of_session(allow, chain, now)
    }

    fn factor(&self, permit: &Permit) -> FactorEvidence {
        let store = self.second_factors.store();
        permit.factor().map_or(FactorEvidence::NotAsked, |factor| store.of_session(factor))
    }
}
