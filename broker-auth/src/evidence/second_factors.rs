//! [`SecondFactors`]: what clients show beside their certificates, verified.

mod files;
mod passwords;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use authenticator::evidence::FactorEvidence;
use authenticator::factor::{FactorKind, SecondFactor};
use authenticator::identity::Client;
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;
use second_factor::token::verify;

pub(crate) use self::files::{LoadedFactors, SecondFactorError};
use self::passwords::Passwords;
pub(crate) use self::settings::{SecondFactorSettings, TokenSettings};

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
}

impl SecondFactors {
    /// Verifies by what is loaded.
    pub(crate) fn new(loaded: LoadedFactors) -> Self {
        Self {
            present: ArcSwap::from_pointee(loaded),
            passwords: Passwords::default(),
            reading: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// Verifies by this from here on. Whether it is something else than before.
    pub(crate) fn install(&self, loaded: LoadedFactors) -> bool {
        let _reading = self.reading.lock();
        self.put_in_force(loaded)
    }

    fn put_in_force(&self, loaded: LoadedFactors) -> bool {
        *self.refused.lock() = None;
        let is_new = **self.present.load() != loaded;
        if is_new {
            self.present.store(Arc::new(loaded));
        }
        is_new
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
        let loaded = LoadedFactors::read(&settings);
        let loaded = loaded.inspect_err(|error| *self.refused.lock() = Some(error.to_string()))?;
        Ok(self.put_in_force(loaded))
    }

    /// Why the files are not in force as they are now, if they are not.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Looks at what `client`, whose certificate is proven, shows beside it.
    pub(crate) async fn ask(
        &self,
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
            FactorKind::Token => token(&self.present.load(), secret, now),
        }
    }

    /// Whether what the client of a live session has shown still counts.
    pub(crate) fn of_session(&self, factor: &SecondFactor) -> FactorEvidence {
        let present = self.present.load();
        let (counts, why) = match factor {
            SecondFactor::Password(password) => {
                let passwords = present.passwords.as_ref();
                (passwords.is_some_and(|file| file.has(password)), "its password is another now")
            }
            SecondFactor::Token(token) => match (&present.settings.token, &present.keys) {
                (Some(settings), Some(_)) if !settings.rules.allow(token) => {
                    (false, "its token is not what tokens must be now")
                }
                (Some(_), Some(keys)) => {
                    (keys.has(token), "the key of its token is not its issuer's any more")
                }
                _ => (false, "no issuer of tokens is configured any more"),
            },
            SecondFactor::Supposed(_) => (false, "it was never shown"),
        };
        if counts { FactorEvidence::Shown(factor.clone()) } else { FactorEvidence::Refused(why.to_owned()) }
    }
}

fn token(present: &LoadedFactors, secret: &[u8], now: UnixTime) -> FactorEvidence {
    let (Some(settings), Some(keys)) = (&present.settings.token, &present.keys) else {
        return FactorEvidence::Refused("no issuer of tokens is configured".to_owned());
    };
    let Ok(text) = std::str::from_utf8(secret) else {
        return FactorEvidence::Refused("the token is no text".to_owned());
    };
    match verify(text, keys, &settings.rules, now) {
        Ok(token) => FactorEvidence::Shown(SecondFactor::Token(token.shown())),
        Err(fault) => FactorEvidence::Refused(fault.to_string()),
    }
}
