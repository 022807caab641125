//! [`LoadedFactors`]: password file and key set, read.

use std::io;
use std::path::PathBuf;

use second_factor::password::{PasswordFile, PasswordFileError};
use second_factor::token::{KeySet, KeySetError};
use zeroize::Zeroizing;

use super::settings::SecondFactorSettings;
use crate::rules::read_file;

/// What second factors are verified by.
#[derive(Clone, Debug)]
pub(crate) struct LoadedFactors {
    pub(super) settings: SecondFactorSettings,
    pub(super) passwords: Option<PasswordFile>,
    pub(super) keys: Option<KeySet>,
}

/// Why a file of second factors is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecondFactorError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no text.
    #[error("{} is no UTF-8 text", file.display())]
    NoText {
        /// Which.
        file: PathBuf,
    },
    /// It is no password file.
    #[error("{}: {source}", file.display())]
    Passwords {
        /// Which.
        file: PathBuf,
        /// Why.
        source: PasswordFileError,
    },
    /// It is no key set.
    #[error("{}: {source}", file.display())]
    Keys {
        /// Which.
        file: PathBuf,
        /// Why.
        source: KeySetError,
    },
}

impl SecondFactorError {
    /// Whether the same file may be accepted later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Read { .. })
    }

    /// What the operator does about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Read { .. } => "put the file there, and let the broker read it",
            Self::NoText { .. } | Self::Passwords { .. } => {
                "`countersign-broker passwd` writes password files"
            }
            Self::Keys { .. } => "get the key set (jwks.json) from the issuer of the tokens",
        }
    }
}

impl LoadedFactors {
    /// Reads the files that `settings` names.
    pub(crate) fn read(settings: &SecondFactorSettings) -> Result<Self, SecondFactorError> {
        let read = |file: &PathBuf| {
            let bytes = read_file(file);
            bytes.map_err(|source| SecondFactorError::Read { file: file.clone(), source })
        };
        let passwords = match &settings.password {
            Some(file) => {
                let bytes = Zeroizing::new(read(file)?);
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| SecondFactorError::NoText { file: file.clone() })?;
                let parsed = PasswordFile::parse(text);
                Some(parsed.map_err(|source| SecondFactorError::Passwords { file: file.clone(), source })?)
            }
            None => None,
        };
        let keys = match &settings.token {
            Some(token) => {
                let file = &token.keys;
                let parsed = KeySet::parse(&read(file)?);
                Some(parsed.map_err(|source| SecondFactorError::Keys { file: file.clone(), source })?)
            }
            None => None,
        };
        Ok(Self { settings: settings.clone(), passwords, keys })
    }

    /// How many identities have a password. `None`: there is no password file.
    pub(crate) fn password_count(&self) -> Option<usize> {
        self.passwords.as_ref().map(|file| file.entries().count())
    }

    /// How many keys tokens can be verified by. `None`: there is no issuer.
    pub(crate) fn key_count(&self) -> Option<usize> {
        self.keys.as_ref().map(|keys| keys.digests().count())
    }

    /// What should be looked at.
    pub(crate) fn warnings(&self) -> Vec<String> {
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
            let file = token.keys.display();
            for key in keys.skipped() {
                warnings.push(format!("{file}: key {} is not used: {}", key.index, key.reason));
            }
            if keys.digests().next().is_none() {
                warnings.push(format!("{file} has no key that can be used: every token is refused"));
            }
        }
        warnings
    }
}

impl PartialEq for LoadedFactors {
    /// Whether both verify the same.
    fn eq(&self, other: &Self) -> bool {
        let entries = |one: &Self| {
            one.passwords.as_ref().map(|file| file.digests().collect::<std::collections::BTreeSet<_>>())
        };
        let keys = |one: &Self| one.keys.clone();
        self.settings == other.settings && entries(self) == entries(other) && keys(self) == keys(other)
    }
}
