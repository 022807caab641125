//! [`SecondFactorFindings`]: what clients are asked for beside their certificates, as `run` would load it.

use serde::Serialize;

use super::fault::Fault;
use crate::evidence::{LoadedFactors, SecondFactorSettings, TokenSettings};

/// The files behind second factors, and how much is in them.
#[derive(Debug, Serialize)]
pub(super) struct SecondFactorFindings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<PasswordFinding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<TokenFinding>,
}

#[derive(Debug, Serialize)]
pub(super) struct PasswordFinding {
    pub(super) file: String,
    /// How many identities have a password. `None`: the file is refused, or another one of second factors.
    pub(super) passwords: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct TokenFinding {
    pub(super) keys_file: String,
    /// How many keys tokens can be verified by. `None`: as above.
    pub(super) keys: Option<usize>,
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    pub(super) algorithms: Vec<&'static str>,
    pub(super) claim: String,
}

impl SecondFactorFindings {
    /// Loads what `settings` name. `None`: they name nothing.
    pub(super) fn of(
        settings: &SecondFactorSettings,
        warnings: &mut Vec<String>,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        if settings.password.is_none() && settings.token.is_none() {
            return None;
        }
        let loaded = match LoadedFactors::read(settings) {
            Ok(loaded) => {
                warnings.extend(loaded.warnings());
                Some(loaded)
            }
            Err(error) => {
                faults.push((error.to_string(), error.help().into()));
                None
            }
        };
        let password = settings.password.as_ref().map(|file| PasswordFinding {
            file: file.display().to_string(),
            passwords: loaded.as_ref().and_then(LoadedFactors::password_count),
        });
        let key_count = loaded.as_ref().and_then(LoadedFactors::key_count);
        Some(Self {
            password,
            token: settings.token.as_ref().map(|token| TokenFinding::of(token, key_count)),
        })
    }
}

impl TokenFinding {
    fn of(token: &TokenSettings, keys: Option<usize>) -> Self {
        let rules = &token.rules;
        Self {
            keys_file: token.keys.display().to_string(),
            keys,
            issuer: rules.issuer().to_owned(),
            audience: rules.audiences().to_vec(),
            algorithms: rules.algorithms().iter().map(|algorithm| algorithm.as_str()).collect(),
            claim: rules.claim().to_owned(),
        }
    }
}
