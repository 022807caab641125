//! [`FactorStore`]: what second factors are verified by, swapped as a whole.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::{ArcSwap, Guard};
use authenticator::evidence::FactorEvidence;
use authenticator::factor::{SecondFactor, ShownToken};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

use super::error::SecondFactorError;
use super::files::{KeysAge, LoadedFactors};
use super::settings::SecondFactorSettings;
use super::token::{TokenRefusal, verify_token};
use crate::clock::Clock;
use crate::store::RulesetStore;

/// What second factors are verified by. One for all listeners; swapped when the files change.
pub struct FactorStore {
    present: ArcSwap<LoadedFactors>,
    /// Files are read and put in force by one at a time: whoever was slower must not put back what is gone.
    reading: Mutex<()>,
    /// Why the files that changed last are not in force.
    refused: Mutex<Option<String>>,
    /// Whether the keys were too old when that was last looked at.
    keys_are_over: AtomicBool,
    /// Of the machine: how old keys are has nothing to do with revocation lists.
    clock: Arc<dyn Clock>,
    /// Whose sessions are judged again when something changes.
    stores: Mutex<Vec<Weak<RulesetStore>>>,
}

impl FactorStore {
    /// Verifies by what is loaded.
    pub fn new(loaded: LoadedFactors, clock: Arc<dyn Clock>) -> Self {
        Self {
            present: ArcSwap::from_pointee(loaded),
            reading: Mutex::default(),
            refused: Mutex::default(),
            keys_are_over: AtomicBool::default(),
            clock,
            stores: Mutex::default(),
        }
    }

    /// Has the sessions of `store` judged again when something changes.
    pub fn serve(&self, store: &Arc<RulesetStore>) {
        self.stores.lock().push(Arc::downgrade(store));
    }

    /// What is in force.
    pub fn present(&self) -> Guard<Arc<LoadedFactors>> {
        self.present.load()
    }

    /// Refuses what would take the keys away that are in force: a set that is fetched and not there yet.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn refuse_loss(&self, loaded: LoadedFactors) -> Result<LoadedFactors, SecondFactorError> {
        loaded.refuse_loss(&self.present.load())
    }

    /// Verifies by this from here on, and has sessions judged by it. Whether it is something else than before.
    pub fn install(&self, loaded: LoadedFactors) -> bool {
        let _reading = self.reading.lock();
        self.put_in_force(loaded)
    }

    fn put_in_force(&self, loaded: LoadedFactors) -> bool {
        *self.refused.lock() = None;
        let present = self.present.load();
        let is_new = **present != loaded;
        self.present.store(Arc::new(loaded.aged_as(&present)));
        if is_new {
            self.judge_sessions();
        }
        is_new
    }

    fn judge_sessions(&self) {
        let stores: Vec<_> = self.stores.lock().iter().filter_map(Weak::upgrade).collect();
        stores.iter().for_each(|store| store.evidence_changed());
    }

    /// The files behind them.
    pub fn files(&self) -> Vec<PathBuf> {
        self.present.load().settings().files()
    }

    /// Reads the files again. Whether anything is different.
    ///
    /// # Errors
    /// What was there before stays.
    pub fn reload(&self) -> Result<bool, SecondFactorError> {
        let _reading = self.reading.lock();
        let settings: SecondFactorSettings = self.present.load().settings().clone();
        let loaded = LoadedFactors::read(&settings, self.clock.now()).and_then(|new| self.refuse_loss(new));
        let loaded = loaded.inspect_err(|error| *self.refused.lock() = Some(error.to_string()))?;
        Ok(self.put_in_force(loaded))
    }

    /// Ends the sessions whose token rests on keys that have become too old since this was last called.
    pub fn notice_age(&self) {
        let present = self.present.load();
        let now = self.clock.now();
        let is_over = present.keys_age(now).is_some_and(|age| age.is_over);
        if self.keys_are_over.swap(is_over, Ordering::Relaxed) == is_over {
            return;
        }
        match present.usable_keys(now) {
            Err(why) => {
                tracing::error!("tokens are refused: {why}");
                self.judge_sessions();
            }
            Ok(_) => tracing::info!("tokens are taken again: the keys of their issuer are confirmed"),
        }
    }

    /// How old the key set is, if it is fetched, and there.
    pub fn keys_age(&self) -> Option<KeysAge> {
        self.present.load().keys_age(self.clock.now())
    }

    /// Why no token is taken, where an issuer is configured.
    pub fn tokens_refused(&self) -> Option<String> {
        let present = self.present.load();
        present.settings().token.as_ref()?;
        present.usable_keys(self.clock.now()).err()
    }

    /// Why the files are not in force as they are now, if they are not.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Verifies a token at `now`.
    ///
    /// # Errors
    /// It is refused.
    pub fn verify_token(&self, secret: &[u8], now: UnixTime) -> Result<ShownToken, TokenRefusal> {
        verify_token(&self.present.load(), secret, now, self.clock.now())
    }

    /// Whether what the client of a live session has shown still counts.
    pub fn of_session(&self, factor: &SecondFactor) -> FactorEvidence {
        let present = self.present.load();
        let counts = match factor {
            SecondFactor::Password(password) => {
                let has = present.passwords().is_some_and(|file| file.has(password));
                if has { Ok(()) } else { Err("its password is another now".to_owned()) }
            }
            SecondFactor::Token(token) => match present.usable_keys(self.clock.now()) {
                Ok((settings, _)) if !settings.rules.allow(token) => {
                    Err("its token is not what tokens must be now".to_owned())
                }
                Ok((_, keys)) if !keys.has(token) => {
                    Err("the key of its token is not its issuer's any more".to_owned())
                }
                usable => usable.map(|_| ()),
            },
            SecondFactor::Supposed(_) => Err("it was never shown".to_owned()),
        };
        match counts {
            Ok(()) => FactorEvidence::Shown(factor.clone()),
            Err(why) => FactorEvidence::Refused(why),
        }
    }
}
