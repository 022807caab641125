//! [`SecondFactorSettings`]: what second factors are verified by.

use std::path::{Path, PathBuf};
use std::time::Duration;

use authenticator::factor::FactorKind;
use second_factor::token::TokenRules;

/// What second factors are verified by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondFactorSettings {
    /// The password file.
    pub password: Option<PathBuf>,
    /// Tokens of an issuer.
    pub token: Option<TokenSettings>,
}

/// The tokens of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// Its key set (RFC 7517 §5).
    pub keys: KeySource,
    /// What its tokens must be.
    pub rules: TokenRules,
}

/// Where a key set comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// A URL, whose key set somebody else fetches into a file. The file's time of modification is when the server said last
    /// that this is its key set.
    Url {
        /// The URL.
        url: String,
        /// The file, for reading.
        file: PathBuf,
        /// How long it is used after the server said so last.
        max_age: Duration,
    },
}

impl KeySource {
    /// What is read.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(file) | Self::Url { file, .. } => file,
        }
    }
}

impl SecondFactorSettings {
    /// Whether a factor of this kind can be verified.
    pub fn has(&self, kind: FactorKind) -> bool {
        match kind {
            FactorKind::Password => self.password.is_some(),
            FactorKind::Token => self.token.is_some(),
        }
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        let keys = self.token.as_ref().map(|token| token.keys.path().to_owned());
        self.password.iter().cloned().chain(keys).collect()
    }
}
