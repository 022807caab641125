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

    /// Looks at what `client`, whose certificate is proven, shows beside it, at `now`; `elapsed` tells the time since any fixed
    /// moment, by a clock that never goes back. A password may take a tenth of a second; everything else is quick.
    pub fn ask(
        &self,
        kind: FactorKind,
        client: &Client,
        shown: &Credentials<'_>,
        now: UnixTime,
        elapsed: impl Fn() -> Duration,
    ) -> Looked {
        let identity = client.identity();
        match (shown.secret_of(identity, kind), kind) {
            (Err(why), _) => FactorEvidence::Refused(why).into(),
            (Ok(password), FactorKind::Password) => self.look_at_password(identity, password, elapsed),
            (Ok(token), FactorKind::Token) => token_evidence(self.store.verify_token(token, now)).into(),
        }
    }

    fn look_at_password(
        &self,
        identity: &Identity,
        password: &[u8],
        elapsed: impl Fn() -> Duration,
    ) -> Looked {
        let begin = elapsed();
        // Whoever waits takes nobody's time; and whoever is told that there is no time has not been wrong.
        let refused = PasswordChecks::refuse_impossible(password)
            .and_then(|()| self.checks.refuse_early(identity, begin));
        if let Err(why) = refused {
            return FactorEvidence::from(why).into();
        }
        let present = self.store.present();
        let cost = present.password_cost(identity).cloned();
        let taken = match cost.as_ref().map(|cost| self.limit.lock().take(cost, begin)).transpose() {
            Ok(taken) => taken,
            Err(no_time) => return FactorEvidence::Busy(no_time.to_string()).into(),
        };
        let evidence = match self.checks.begin(identity, password, begin) {
            Ok(attempt) => attempt.verify(&present),
            Err(why) => return FactorEvidence::from(why).into(),
        };
        if let Some(taken) = taken {
            self.limit.lock().looked_at(taken, elapsed().saturating_sub(begin));
        }
        Looked { evidence, cost }
    }
}

impl From<FactorEvidence> for Looked {
    /// Without a password that was looked at.
    fn from(evidence: FactorEvidence) -> Self {
        Self { evidence, cost: None }
    }
}

#[cfg(test)]
mod tests {
    use authenticator::for_test::client_of;
    use authenticator::trust::Role;
    use second_factor::password::Argon2Hash;

    use super::*;
    use crate::clock::SystemClock;
    use crate::factors::{LoadedFactors, SecondFactorSettings};

    /// By a password file in which these have the password "sesame".
    fn factors(names: &[String]) -> BlockingFactors {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("passwords");
        let hash = Argon2Hash::make(b"sesame", &[7; 16]).unwrap();
        let lines = names.iter().map(|name| format!("device-ca/{name}:{hash}\n"));
        std::fs::write(&file, lines.collect::<String>()).unwrap();
        let settings = SecondFactorSettings { password: Some(file), token: None };
        let loaded = LoadedFactors::read(&settings, time()).unwrap();
        BlockingFactors::new(Arc::new(FactorStore::new(loaded, Arc::new(SystemClock))))
    }

    fn time() -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000))
    }

    /// What becomes of a secret that `name` shows, and whether it has cost anything.
    fn shows(factors: &BlockingFactors, name: &str, secret: &str, milliseconds: u64) -> (String, bool) {
        let client = Client::Verified(client_of("device-ca", name, Role::Device));
        let shown = Credentials { user_name: None, secret: Some(secret.as_bytes()) };
        let elapsed = Duration::from_millis(milliseconds);
        let looked = factors.ask(FactorKind::Password, &client, &shown, time(), || elapsed);
        let found = match looked.evidence {
            FactorEvidence::Shown(_) => "shown".to_owned(),
            FactorEvidence::Refused(why) => why,
            FactorEvidence::Busy(_) => "busy".to_owned(),
            FactorEvidence::NotAsked => "not asked".to_owned(),
        };
        (found, looked.cost.is_some())
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("d{number}")).collect()
    }

    #[test]
    fn only_what_may_be_right_costs_anything() {
        let factors = factors(&names(1));
        let early = "a wrong password was shown before: the next one is looked at in 1 s";
        for (name, secret, at, found, costs) in [
            ("d0", "sesame", 0, "shown", true),
            ("d0", "", 0, "the password is empty, or too long", false),
            ("d0", &*"x".repeat(1025), 0, "the password is empty, or too long", false),
            ("other", "sesame", 0, "the password file has no device-ca/other", false),
            ("d0", "Sesame", 0, "the password is wrong", true),
            ("d0", "sesame", 999, early, false),
            ("d0", "sesame", 1000, "shown", true),
            ("d0", "sesame", 1000, "shown", true),
        ] {
            assert_eq!(shows(&factors, name, secret, at), (found.to_owned(), costs), "{name} at {at} ms");
        }
    }

    #[test]
    fn beyond_the_limit_nothing_is_looked_at_and_nobody_has_been_wrong() {
        let names = names(7);
        let factors = factors(&names);
        let found = |name: &str, at| shows(&factors, name, "sesame", at);
        for name in &names[..5] {
            assert_eq!(found(name, 0), ("shown".to_owned(), true));
        }
        for _ in 0..100 {
            assert_eq!(found("d5", 0), ("busy".to_owned(), false));
        }
        assert_eq!(found("d5", 200), ("shown".to_owned(), true));
        assert_eq!(found("d6", 200), ("busy".to_owned(), false));
    }

    #[test]
    fn whoever_waits_after_a_wrong_password_takes_nobodys_time() {
        let names = names(6);
        let factors = factors(&names);
        assert_eq!(shows(&factors, "d0", "wrong", 0), ("the password is wrong".to_owned(), true));
        for _ in 0..100 {
            assert!(!shows(&factors, "d0", "sesame", 0).1);
        }
        for name in &names[1..5] {
            assert_eq!(shows(&factors, name, "sesame", 0), ("shown".to_owned(), true));
        }
    }

    #[test]
    fn a_token_where_there_is_no_issuer_is_refused() {
        let factors = factors(&names(1));
        let client = Client::Verified(client_of("device-ca", "d0", Role::Device));
        let shown = Credentials { user_name: None, secret: Some(b"a.b.c") };
        let looked = factors.ask(FactorKind::Token, &client, &shown, time(), || Duration::ZERO);
        assert!(matches!(looked.evidence, FactorEvidence::Refused(_)) && looked.cost.is_none(), "{looked:?}");
    }
}
