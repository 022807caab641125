//! [`BlockingFactors`]: second factors, verified on the thread that asks.

use std::sync::Arc;
use std::time::Duration;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::identity::{Client, Identity};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use second_factor::password::Cost;

use super::credentials::Credentials;
use super::factor_store::FactorStore;
use super::password_checks::PasswordChecks;
use super::password_limit::PasswordLimit;
use super::token::token_evidence;

/// Second factors, verified on the thread that asks, for a host that has only one: all else waits for a password that is looked
/// at, so there is a [`PasswordLimit`].
pub struct BlockingFactors {
    store: Arc<FactorStore>,
    checks: PasswordChecks,
    limit: Mutex<PasswordLimit>,
}

/// What became of looking at a second factor.
#[derive(Debug)]
pub struct Looked {
    /// What was found.
    pub evidence: FactorEvidence,
    /// What it has cost, if a password was looked at.
    pub cost: Option<Cost>,
}

impl BlockingFactors {
    /// Verifies by what is in `store`.
    pub fn new(store: Arc<FactorStore>) -> Self {
        Self { store, checks: PasswordChecks::default(), limit: Mutex::default() }
    }

    /// What they are verified by.
    pub fn store(&self) -> &Arc<FactorStore> {
        &self.store
    }

    /// Looks at what `client`, whose certificate is proven, shows beside it, at `now`; `elapsed` is the time since any fixed
    /// moment, by a clock that never goes back. A password may take a tenth of a second; everything else is quick.
    pub fn ask(
        &self,
        kind: FactorKind,
        client: &Client,
        shown: &Credentials<'_>,
        now: UnixTime,
        elapsed: Duration,
    ) -> Looked {
        let identity = client.identity();
        match (shown.secret_of(identity, kind), kind) {
            (Err(why), _) => FactorEvidence::Refused(why).into(),
            (Ok(password), FactorKind::Password) => self.look_at_password(identity, password, elapsed),
            (Ok(token), FactorKind::Token) => token_evidence(self.store.verify_token(token, now)).into(),
        }
    }

    fn look_at_password(&self, identity: &Identity, password: &[u8], elapsed: Duration) -> Looked {
        // Whoever waits takes nobody's time; and whoever is told that there is no time has not been wrong.
        let refused = PasswordChecks::refuse_impossible(password)
            .and_then(|()| self.checks.refuse_early(identity, elapsed));
        if let Err(why) = refused {
            return FactorEvidence::from(why).into();
        }
        let present = self.store.present();
        let cost = present.password_cost(identity).cloned();
        if let Some(cost) = &cost
            && let Err(no_time) = self.limit.lock().take(cost, elapsed)
        {
            return FactorEvidence::Busy(no_time.to_string()).into();
        }
        match self.checks.begin(identity, password, elapsed) {
            Ok(attempt) => Looked { evidence: attempt.verify(&present), cost },
            Err(why) => FactorEvidence::from(why).into(),
        }
    }
}

impl From<FactorEvidence> for Looked {
    /// Without a password that was looked at.
    fn from(evidence: FactorEvidence) -> Self {
        Self { evidence, cost: None }
    }
}
