//! [`Passwords`]: looking at passwords, which costs milliseconds and megabytes each.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use authenticator::evidence::FactorEvidence;
use authenticator::identity::Identity;
use broker_rules::factors::{LoadedFactors, PasswordChecks};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Passwords that are looked at at once: each takes up to 64 MiB and a processor.
const AT_ONCE: usize = 2;

/// How long a client waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);

/// Clients that may wait for their turn; a fleet that comes back all at once tries again later.
const MAX_WAITING: usize = 1_000;

/// The turn of one client: its identity's, and one of those of all.
type Turn = (OwnedMutexGuard<()>, OwnedSemaphorePermit);

/// Of those, how many may be of one identity: whoever holds one certificate does not take all places.
const MAX_WAITING_OF_IDENTITY: usize = 8;

/// Looks at passwords: two at once, one of an identity at a time, and none for a while after a wrong one.
pub(super) struct Passwords {
    started: Instant,
    checks: PasswordChecks,
    /// Those of an identity wait for each other: of two right ones that come together, neither is too early.
    of_identity: Mutex<HashMap<Identity, Arc<tokio::sync::Mutex<()>>>>,
    waiting: Semaphore,
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            checks: PasswordChecks::default(),
            of_identity: Mutex::default(),
            waiting: Semaphore::new(MAX_WAITING),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Passwords {
    /// Looks at a password of `identity`.
    pub(super) async fn verify(
        &self,
        present: impl Fn() -> Arc<LoadedFactors>,
        identity: &Identity,
        password: &[u8],
    ) -> FactorEvidence {
        if let Err(why) = PasswordChecks::refuse_impossible(password) {
            return why.into();
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return FactorEvidence::Busy("too many passwords wait to be looked at".to_owned());
        };
        let evidence = {
            let own = Arc::clone(self.of_identity.lock().entry(identity.clone()).or_default());
            // The map holds one, and each of those who wait.
            if Arc::strong_count(&own) > 1 + MAX_WAITING_OF_IDENTITY {
                return FactorEvidence::Busy(
                    "too many passwords of this identity wait to be looked at".to_owned(),
                );
            }
            let turn = timeout(TURN_TIMEOUT, async {
                (own.lock_owned().await, Arc::clone(&self.turns).acquire_owned().await)
            });
            match turn.await {
                Ok((own, Ok(turn))) => self.look_at(present(), identity, password, (own, turn)).await,
                Ok((_, Err(_))) => FactorEvidence::Busy("the broker stops".to_owned()),
                Err(_) => FactorEvidence::Busy(
                    "too many passwords are looked at: its turn did not come in time".to_owned(),
                ),
            }
        };
        // Only those who wait hold it.
        self.of_identity.lock().retain(|_, own| Arc::strong_count(own) > 1);
        evidence
    }

    async fn look_at(
        &self,
        present: Arc<LoadedFactors>,
        identity: &Identity,
        password: &[u8],
        turn: Turn,
    ) -> FactorEvidence {
        let attempt = match self.checks.begin(identity, password, self.started.elapsed()) {
            Ok(attempt) => attempt,
            Err(why) => return why.into(),
        };
        // A client that goes away meanwhile stops nothing: the turn ends with the computation, and a right password counts.
        let verifying = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            attempt.verify(&present)
        });
        verifying.await.unwrap_or_else(|_| FactorEvidence::Busy("the broker stops".to_owned()))
    }
}
