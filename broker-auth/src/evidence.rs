//! What is found out about a client that its certificate does not say: each takes time, and becomes a value that decisions are
//! made by.

mod ocsp;
mod second_factors;

pub(crate) use ocsp::OcspAnswers;
pub(crate) use second_factors::{Credentials, LoadedFactors, SecondFactors};
pub use second_factors::{SecondFactorSettings, TokenSettings};

use std::sync::Arc;

use authenticator::evidence::{FactorEvidence, OcspEvidence};
use authenticator::policy::Permit;
use authenticator::trust::ChainResult;

use crate::rules::{LiveEvidence, RulesetStore};

/// Those who find out. One for all listeners.
pub(crate) struct Gatherers {
    pub(crate) ocsp: Arc<OcspAnswers>,
    pub(crate) second_factors: SecondFactors,
}

impl Gatherers {
    /// Has the sessions of `store` judged by what is found out.
    pub(crate) fn serve(self: &Arc<Self>, store: &Arc<RulesetStore>) {
        store.judge_sessions_by(Arc::clone(self) as Arc<dyn LiveEvidence>);
        self.ocsp.serve(store);
    }
}

impl LiveEvidence for Gatherers {
    fn ocsp(&self, store: &RulesetStore, chain: &ChainResult) -> OcspEvidence {
        match chain {
            ChainResult::Proven(chain) => self.ocsp.of_session(store, chain),
            ChainResult::Unproven(_) | ChainResult::NotPresented => OcspEvidence::NotAsked,
        }
    }

    fn factor(&self, permit: &Permit) -> FactorEvidence {
        permit.factor().map_or(FactorEvidence::NotAsked, |factor| self.second_factors.of_session(factor))
    }
}
