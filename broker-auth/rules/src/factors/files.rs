//! [`LoadedFactors`]: password file and key set, read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use authenticator::certificate::timestamp;
use rustls_pki_types::UnixTime;
use second_factor::password::PasswordFile;
use second_factor::token::KeySet;
use zeroize::Zeroizing;

use super::confirmation::Confirmation;
use super::error::SecondFactorError;
use super::settings::{KeySource, SecondFactorSettings, TokenSettings};
use crate::store::read_file;

/// What second factors are verified by.
#[derive(Debug)]
pub struct LoadedFactors {
    settings: SecondFactorSettings,
    passwords: Option<PasswordFile>,
    keys: Option<LoadedKeys>,
    /// Why there are no keys, although an issuer is configured: what is fetched may come later.
    missing: Option<SecondFactorError>,
}

/// A key set.
#[derive(Debug)]
struct LoadedKeys {
    set: KeySet,
    /// When its server said last that this is it. A file has no server.
    confirmation: Option<Confirmation>,
}

/// How old the key set of a URL is.
#[derive(Clone, Debug)]
pub struct KeysAge {
    /// The URL.
    pub url: String,
    /// When its server said last that this is its key set.
    pub confirmed_at: UnixTime,
    /// From when on it is too old, unless the server says so again.
    pub ends_at: UnixTime,
    /// Whether it is too old.
    pub is_over: bool,
}

impl LoadedFactors {
    /// Reads the files that `settings` name, at `now` of the clock. A key set that is fetched may be missing.
    ///
    /// # Errors
    /// A file cannot be read, or is not what it should be.
    pub fn read(settings: &SecondFactorSettings, now: UnixTime) -> Result<Self, SecondFactorError> {
        let passwords = settings.password.as_ref().map(|file| read_passwords(file)).transpose()?;
        let (keys, missing) = match settings.token.as_ref().map(|token| &token.keys) {
            None => (None, None),
            Some(KeySource::File(file)) => {
                (Some(LoadedKeys { set: read_keys(file)?, confirmation: None }), None)
            }
            Some(KeySource::Url { url, file, .. }) => match read_fetched(url, file, now) {
                Ok(keys) => (Some(keys), None),
                Err(error) => (None, Some(error)),
            },
        };
        Ok(Self { settings: settings.clone(), passwords, keys, missing })
    }

    /// What they are verified by.
    pub fn settings(&self) -> &SecondFactorSettings {
        &self.settings
    }

    /// The password file, if there is one.
    pub fn passwords(&self) -> Option<&PasswordFile> {
        self.passwords.as_ref()
    }

    /// Refuses to have it in place of `present` if that has keys, and this has not.
    ///
    /// # Errors
    /// Why they are missing.
    pub(super) fn refuse_loss(mut self, present: &Self) -> Result<Self, SecondFactorError> {
        match self.missing.take() {
            Some(missing) if present.keys.is_some() => Err(missing),
            missing => Ok(Self { missing, ..self }),
        }
    }

    /// Counts the age of its keys from when `present` has first seen them.
    pub(super) fn aged_as(mut self, present: &Self) -> Self {
        let keys = self.keys.as_mut().and_then(|keys| keys.confirmation.as_mut());
        let before = present.keys.as_ref().and_then(|keys| keys.confirmation.as_ref());
        if let (Some(now), Some(before)) = (keys, before)
            && now.is_same(before)
        {
            *now = *before;
        }
        self
    }

    /// What tokens are verified by at `now` of the clock.
    ///
    /// # Errors
    /// Why all are refused.
    pub fn usable_keys(&self, now: UnixTime) -> Result<(&TokenSettings, &KeySet), String> {
        let settings = self.settings.token.as_ref();
        let settings = settings.ok_or_else(|| "no issuer of tokens is configured".to_owned())?;
        match (&self.keys, self.keys_age(now)) {
            (Some(_), Some(age)) if age.is_over => Err(format!(
                "the keys of {} are too old since {}: its server last confirmed them at {}",
                age.url,
                timestamp(age.ends_at),
                timestamp(age.confirmed_at)
            )),
            (Some(keys), _) => Ok((settings, &keys.set)),
            (None, _) => Err(self.missing.as_ref().map(ToString::to_string).unwrap_or_default()),
        }
    }

    /// How old the key set is at `now` of the clock, if it comes from a URL, and is there.
    pub fn keys_age(&self, now: UnixTime) -> Option<KeysAge> {
        let KeySource::Url { url, max_age, .. } = &self.settings.token.as_ref()?.keys else { return None };
        let confirmation = self.keys.as_ref()?.confirmation?;
        Some(KeysAge {
            url: url.clone(),
            confirmed_at: confirmation.at(),
            ends_at: confirmation.ends(*max_age),
            is_over: confirmation.age(now, Instant::now()) > *max_age,
        })
    }

    /// How many identities have a password. `None`: there is no password file.
    pub fn password_count(&self) -> Option<usize> {
        self.passwords.as_ref().map(|file| file.entries().count())
    }

    /// How many keys tokens can be verified by. `None`: there is no key set.
    pub fn key_count(&self) -> Option<usize> {
        self.keys.as_ref().map(|keys| keys.set.digests().count())
    }

    /// What should be looked at, at `now` of the clock.
    pub fn warnings(&self, now: UnixTime) -> Vec<String> {
        let mut warnings = Vec::new();
        if let (Some(file), Some(passwords)) = (&self.settings.password, &self.passwords) {
            for (name, entry) in passwords.entries() {
                for weakness in entry.weaknesses() {
                    let (file, line) = (file.display(), entry.line());
                    warnings.push(format!("{file}, line {line}: the password of {name}: {weakness}"));
                }
            }
        }
        if let (Some(token), Some(keys)) = (&self.settings.token, &self.keys) {
            let file = token.keys.path().display();
            for key in keys.set.skipped() {
                warnings.push(format!("{file}: key {} is not used: {}", key.index, key.reason));
            }
            if keys.set.digests().next().is_none() {
                warnings.push(format!("{file} has no key that can be used: every token is refused"));
            }
        }
        if let (Some(_), Err(why)) = (&self.settings.token, self.usable_keys(now)) {
            warnings.push(format!("{why}; every token is refused until its server sends it"));
        }
        warnings
    }
}

fn read_passwords(file: &Path) -> Result<PasswordFile, SecondFactorError> {
    let bytes = Zeroizing::new(read(file)?);
    let text =
        std::str::from_utf8(&bytes).map_err(|_| SecondFactorError::NoText { file: file.to_owned() })?;
    PasswordFile::parse(text).map_err(|source| SecondFactorError::Passwords { file: file.to_owned(), source })
}

fn read_keys(file: &Path) -> Result<KeySet, SecondFactorError> {
    KeySet::parse(&read(file)?).map_err(|source| SecondFactorError::Keys { file: file.to_owned(), source })
}

fn read_fetched(url: &str, file: &Path, now: UnixTime) -> Result<LoadedKeys, SecondFactorError> {
    // Before what is in it: were it replaced meanwhile, the keys would count as older than they are, and not as newer.
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    let read = modified.map_err(|source| SecondFactorError::Read { file: file.to_owned(), source });
    match read.and_then(|modified| Ok((modified, read_keys(file)?))) {
        Ok((modified, set)) => {
            let confirmation = Some(Confirmation::seen(modified, now, Instant::now()));
            Ok(LoadedKeys { set, confirmation })
        }
        Err(error) => Err(error.of_url(url)),
    }
}

fn read(file: &Path) -> Result<Vec<u8>, SecondFactorError> {
    read_file(file).map_err(|source| SecondFactorError::Read { file: PathBuf::from(file), source })
}

impl PartialEq for LoadedFactors {
    /// Whether both verify the same.
    fn eq(&self, other: &Self) -> bool {
        let entries = |one: &Self| one.passwords.as_ref().map(|file| file.digests().collect::<BTreeSet<_>>());
        let keys = |one: &Self| one.keys.as_ref().map(|keys| keys.set.clone());
        self.settings == other.settings && entries(self) == entries(other) && keys(self) == keys(other)
    }
}
