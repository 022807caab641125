//! [`verify_token`]: a token, and whether other keys could change what it is worth.

use authenticator::evidence::FactorEvidence;
use authenticator::factor::{SecondFactor, ShownToken};
use rustls_pki_types::UnixTime;
use second_factor::token::{TokenFault, verify};

use super::files::LoadedFactors;

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// For the keys that there are: with others it might not be.
    Keys(String),
    /// For what it is.
    Token(String),
}

/// Verifies a token at `now`, by keys that are usable at `clock`.
///
/// # Errors
/// It is refused.
pub(super) fn verify_token(
    present: &LoadedFactors,
    secret: &[u8],
    now: UnixTime,
    clock: UnixTime,
) -> Result<ShownToken, TokenRefusal> {
    let text =
        std::str::from_utf8(secret).map_err(|_| TokenRefusal::Token("the token is no text".to_owned()))?;
    let (settings, keys) = present.usable_keys(clock).map_err(TokenRefusal::Keys)?;
    match verify(text, keys, &settings.rules, now) {
        Ok(token) => Ok(token.shown()),
        Err(fault @ TokenFault::UnknownKey { .. }) => Err(TokenRefusal::Keys(fault.to_string())),
        Err(fault) => Err(TokenRefusal::Token(fault.to_string())),
    }
}

/// What a decision takes of it.
pub fn token_evidence(verified: Result<ShownToken, TokenRefusal>) -> FactorEvidence {
    match verified {
        Ok(token) => FactorEvidence::Shown(SecondFactor::Token(token)),
        Err(TokenRefusal::Keys(why) | TokenRefusal::Token(why)) => FactorEvidence::Refused(why),
    }
}
