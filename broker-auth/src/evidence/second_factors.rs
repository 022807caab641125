//! [`SecondFactors`]: what clients show beside their certificates, verified.

mod confirmation;
mod error;
mod files;
mod key_refresh;
mod passwords;
mod settings;
mod token;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use authenticator::evidence::FactorEvidence;
use authenticator::factor::{FactorKind, SecondFactor};
use authenticator::identity::Client;
use broker_rules::clock::Clock;
use broker_rules::store::RulesetStore;
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

pub(crate) use self::error::SecondFactorError;
pub(crate) use self::files::{KeysAge, LoadedFactors};
pub(crate) use self::key_refresh::FetchKeys;
use self::key_refresh::KeyRefresh;
use self::passwords::Passwords;
pub(crate) use self::settings::{KeySource, SecondFactorSettings, TokenSettings};
use self::token::{TokenRefusal, token_evidence, verify_token};

/// The longest beginning of a user name that evidence quotes, in characters: it is the client's text.
const MAX_SHOWN: usize = 80;

/// What a client says beside its certificate.
#[derive(Default)]
pub(crate) struct Credentials<'a> {
    /// Its user name, if it gives one.
    pub(crate) user_name: Option<&'a str>,
    /// Its password, or its token.
    pub(crate) secret: Option<&'a [u8]>,
}

/// What second factors are verified by. One for all listeners; swapped when the files change.
pub(crate) struct SecondFactors {
    present: ArcSwap<LoadedFactors>,
    passwords: Passwords,
    /// Files are read and put in force by one at a time: whoever was slower must not put back what is gone.
    reading: Mutex<()>,
    /// Why the files that changed last are not in force.
    refused: Mutex<Option<String>>,
    /// Whether the keys were too old when that was last looked at.
    keys_are_over: AtomicBool,
    fetch: Arc<dyn FetchKeys>,
    refresh: KeyRefresh,
    /// Of the machine: how old keys are has nothing to do with revocation lists.
    clock: Arc<dyn Clock>,
    /// Whose sessions are judged again when something changes.
    stores: Mutex<Vec<Weak<RulesetStore>>>,
}

impl SecondFactors {
    /// Verifies by what is loaded; has a key set fetched out of turn by `fetch`.
    pub(crate) fn new(loaded: LoadedFactors, fetch: Arc<dyn FetchKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            present: ArcSwap::from_pointee(loaded),
            passwords: Passwords::default(),
            reading: Mutex::default(),
            refused: Mutex::default(),
            keys_are_over: AtomicBool::default(),
            fetch,
            refresh: KeyRefresh::default(),
            clock,
            stores: Mutex::default(),
        }
    }

    /// Has the sessions of `store` judged again when something changes.
    pub(super) fn serve(&self, store: &Arc<RulesetStore>) {
        self.stores.lock().push(Arc::downgrade(store));
    }

    /// Refuses what would take the keys away that are in force: a set that is fetched and not there yet.
    ///
    /// # Errors
    /// Why it is not there.
    pub(crate) fn refuse_loss(&self, loaded: LoadedFactors) -> Result<LoadedFactors, SecondFactorError> {
        loaded.refuse_loss(&self.present.load())
    }

    /// Verifies by this from here on, and has sessions judged by it. Whether it is something else than before.
    pub(crate) fn install(&self, loaded: LoadedFactors) -> bool {
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
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.present.load().settings.files()
    }

    /// Reads the files again. Whether anything is different.
    ///
    /// # Errors
    /// What was there before stays.
    pub(crate) fn reload(&self) -> Result<bool, SecondFactorError> {
        let _reading = self.reading.lock();
        let settings: SecondFactorSettings = self.present.load().settings.clone();
        let loaded = LoadedFactors::read(&settings, self.clock.now()).and_then(|new| self.refuse_loss(new));
        let loaded = loaded.inspect_err(|error| *self.refused.lock() = Some(error.to_string()))?;
        Ok(self.put_in_force(loaded))
    }

    /// Ends the sessions whose token rests on keys that have become too old since this was last called.
    pub(crate) fn notice_age(&self) {
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
    pub(crate) fn keys_age(&self) -> Option<KeysAge> {
        self.present.load().keys_age(self.clock.now())
    }

    /// Why no token is taken, where an issuer is configured.
    pub(crate) fn tokens_refused(&self) -> Option<String> {
        let present = self.present.load();
        present.settings.token.as_ref()?;
        present.usable_keys(self.clock.now()).err()
    }

    /// Why the files are not in force as they are now, if they are not.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Looks at what `client`, whose certificate is proven, shows beside it.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        kind: FactorKind,
        client: &Client,
        shown: &Credentials<'_>,
        now: UnixTime,
    ) -> FactorEvidence {
        let identity = client.identity();
        if let Some(user_name) = shown.user_name
            && user_name != identity.name()
            && user_name != identity.qualified()
        {
            let shown: String = user_name.chars().take(MAX_SHOWN).collect();
            let why = format!("the user name is {shown:?}, and the certificate is that of {identity}");
            return FactorEvidence::Refused(why);
        }
        let Some(secret) = shown.secret else {
            return FactorEvidence::Refused(format!("no {kind} was shown"));
        };
        match kind {
            FactorKind::Password => {
                // As of when its turn comes.
                self.passwords.verify(|| self.present.load_full(), identity, secret).await
            }
            FactorKind::Token => self.verify_token(secret, now).await,
        }
    }

    /// Verifies a token. Where its key is not known, or none is usable, the key set is fetched first, now and then.
    async fn verify_token(self: &Arc<Self>, secret: &[u8], now: UnixTime) -> FactorEvidence {
        let present = self.present.load_full();
        let verified = verify_token(&present, secret, now, self.clock.now());
        let url = match (&verified, present.settings.token.as_ref().map(|token| &token.keys)) {
            (Err(TokenRefusal::Keys(_)), Some(KeySource::Url { url, .. })) => url.clone(),
            _ => return token_evidence(verified),
        };
        let refreshing = Arc::clone(self);
        let refresh = || async move {
            refreshing.fetch.fetch(&url).await;
            // Why it is not in force is told by whoever watches the files.
            let _ = tokio::task::spawn_blocking(move || refreshing.reload().is_ok()).await;
        };
        if self.refresh.wait(refresh).await.is_err() {
            return FactorEvidence::Busy("too many clients wait for the key set of tokens".to_owned());
        }
        token_evidence(verify_token(&self.present.load(), secret, now, self.clock.now()))
    }

    /// Whether what the client of a live session has shown still counts.
    pub(crate) fn of_session(&self, factor: &SecondFactor) -> FactorEvidence {
        let present = self.present.load();
        let counts = match factor {
            SecondFactor::Password(password) => {
                let has = present.passwords.as_ref().is_some_and(|file| file.has(password));
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
