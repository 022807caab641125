//! [`PasswordChecks`]: whether a password is the one in force, and none is looked at for a while after a wrong one.

use std::sync::Arc;
use std::time::Duration;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::SecondFactor;
use authenticator::identity::Identity;
use parking_lot::Mutex;
use second_factor::back_off::{BackOff, TryLater};
use second_factor::password::{Argon2Hash, Cost};
use zeroize::Zeroizing;

use super::files::LoadedFactors;

/// Looks at passwords: after a wrong one, none of its identity for a while. On which thread is the host's business.
///
/// Times are since any fixed moment, by a clock that never goes back.
#[derive(Debug, Default)]
pub struct PasswordChecks {
    back_off: Arc<Mutex<BackOff>>,
}

/// A password that may be looked at now. It counts as wrong until [`Self::verify`] has found it right.
pub struct PasswordAttempt {
    back_off: Arc<Mutex<BackOff>>,
    identity: Identity,
    password: Zeroizing<Vec<u8>>,
}

/// Why a password is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLookedAt {
    /// Nobody has such a password.
    #[error("the password is empty, or too long")]
    Impossible,
    /// Its identity has shown a wrong one too recently.
    #[error(transparent)]
    Early(#[from] TryLater),
}

impl PasswordChecks {
    /// Refuses what nobody has as a password: nothing need be computed.
    ///
    /// # Errors
    /// It is empty, or too long.
    pub fn refuse_impossible(password: &[u8]) -> Result<(), NotLookedAt> {
        let is_possible = !password.is_empty() && password.len() <= Argon2Hash::LONGEST_PASSWORD;
        if is_possible { Ok(()) } else { Err(NotLookedAt::Impossible) }
    }

    /// Refuses a password of `identity` that comes too early. Nothing is begun.
    ///
    /// # Errors
    /// It does.
    pub fn refuse_early(&self, identity: &Identity, now: Duration) -> Result<(), NotLookedAt> {
        Ok(self.back_off.lock().refuse_early(identity, now)?)
    }

    /// Begins to look at a password of `identity`.
    ///
    /// # Errors
    /// It is none, or comes too early.
    pub fn begin(
        &self,
        identity: &Identity,
        password: &[u8],
        now: Duration,
    ) -> Result<PasswordAttempt, NotLookedAt> {
        Self::refuse_impossible(password)?;
        self.back_off.lock().attempt(identity, now)?;
        Ok(PasswordAttempt {
            back_off: Arc::clone(&self.back_off),
            identity: identity.clone(),
            password: Zeroizing::new(password.to_vec()),
        })
    }
}

impl PasswordAttempt {
    /// Compares it with the one in force. Blocks for milliseconds, and takes up to 64 MiB for that long ([`Cost`]).
    pub fn verify(self, present: &LoadedFactors) -> FactorEvidence {
        let Self { back_off, identity, password } = self;
        let entry = present.passwords().and_then(|file| file.entry(&identity));
        match entry.map(|entry| entry.verify(&password)) {
            Some(Ok(proof)) => {
                back_off.lock().succeeded(&identity);
                FactorEvidence::Shown(SecondFactor::Password(proof.shown(&identity)))
            }
            Some(Err(wrong)) => FactorEvidence::Refused(wrong.to_string()),
            None => FactorEvidence::Refused(format!("the password file has no {}", identity.qualified())),
        }
    }
}

impl LoadedFactors {
    /// What it costs to look at a password of `identity`. `None`: it has none, and nothing is computed.
    pub fn password_cost(&self, identity: &Identity) -> Option<&Cost> {
        Some(self.passwords()?.entry(identity)?.hash().cost())
    }
}

impl From<NotLookedAt> for FactorEvidence {
    fn from(why: NotLookedAt) -> Self {
        Self::Refused(why.to_string())
    }
}
