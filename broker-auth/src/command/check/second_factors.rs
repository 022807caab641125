//! [`SecondFactorFindings`]: what clients are asked for beside their certificates, as `run` would load it.

use authenticator::certificate::timestamp;
use broker_rules::clock::{Clock, SystemClock};
use broker_rules::factors::{KeySource, LoadedFactors, SecondFactorSettings, TokenSettings};
use rustls_pki_types::UnixTime;
use serde::Serialize;

use super::fault::Fault;

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
    /// Where the key set is fetched from, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys_url: Option<String>,
    pub(super) keys_file: String,
    /// When its server last confirmed it (RFC 3339). `None`: it is not fetched, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys_confirmed_at: Option<String>,
    /// From when on it is too old, unless it is confirmed again (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keys_too_old_at: Option<String>,
    /// How many keys tokens can be verified by. `None`: as above, or it is not fetched yet.
    pub(super) keys: Option<usize>,
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
    pub(super) algorithms: Vec<&'static str>,
    pub(super) claim: String,
    /// The namespace in which a claim that is a name alone stands for a client. `None`: it stands for nobody.
    pub(super) namespace: Option<String>,
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
        let now = SystemClock.now();
        let loaded = match LoadedFactors::read(settings, now) {
            Ok(loaded) => {
                warnings.extend(loaded.warnings(now));
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
        let token = settings.token.as_ref().map(|token| TokenFinding::of(token, loaded.as_ref(), now));
        Some(Self { password, token })
    }
}

impl TokenFinding {
    fn of(token: &TokenSettings, loaded: Option<&LoadedFactors>, now: UnixTime) -> Self {
        let rules = &token.rules;
        let age = loaded.and_then(|loaded| loaded.keys_age(now));
        Self {
            keys_url: match &token.keys {
                KeySource::Url { url, .. } => Some(url.to_string()),
                KeySource::File(_) => None,
            },
            keys_file: token.keys.path().display().to_string(),
            keys_confirmed_at: age.as_ref().map(|age| timestamp(age.confirmed_at)),
            keys_too_old_at: age.as_ref().map(|age| timestamp(age.ends_at)),
            keys: loaded.and_then(LoadedFactors::key_count),
            issuer: rules.issuer().to_owned(),
            audience: rules.audiences().to_vec(),
            algorithms: rules.algorithms().iter().map(|algorithm| algorithm.as_str()).collect(),
            claim: rules.claim().to_owned(),
            namespace: rules.namespace().map(ToString::to_string),
        }
    }
}
