//! [`SecondFactorSettings`]: what second factors are verified by.

use std::path::PathBuf;

use authenticator::factor::FactorKind;
use second_factor::token::TokenRules;

/// What second factors are verified by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SecondFactorSettings {
    /// The password file.
    pub(crate) password: Option<PathBuf>,
    /// Tokens of an issuer.
    pub(crate) token: Option<TokenSettings>,
}

/// The tokens of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenSettings {
    /// Its key set (RFC 7517 §5).
    pub(crate) keys: PathBuf,
    /// What its tokens must be.
    pub(crate) rules: TokenRules,
}

impl SecondFactorSettings {
    /// Whether a factor of this kind can be verified.
    pub(crate) fn has(&self, kind: FactorKind) -> bool {
        match kind {
            FactorKind::Password => self.password.is_some(),
            FactorKind::Token => self.token.is_some(),
        }
    }

    /// The files that are read.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let keys = self.token.as_ref().map(|token| token.keys.clone());
        self.password.iter().cloned().chain(keys).collect()
    }
}
