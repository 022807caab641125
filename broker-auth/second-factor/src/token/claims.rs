//! [`Claims`]: what a signed token says, judged by the rules and the time.

use authenticator::certificate::Fingerprint;
use data_encoding::BASE64URL_NOPAD;
use rustls_pki_types::UnixTime;
use serde_json::Value;

use super::fault::{Part, TokenFault};
use super::json::{self, Object};
use super::numeric_date::numeric_date;
use super::rules::TokenRules;

/// The claims of a token that follows the rules, at a time at which it is valid.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) name: Box<str>,
    /// The one of the rules by which it was taken.
    pub(super) audience: Box<str>,
    pub(super) expires: UnixTime,
    pub(super) certificate: Option<Fingerprint>,
}

impl Claims {
    /// Reads and judges the payload of a token whose signature is verified.
    pub(super) fn parse(bytes: &[u8], rules: &TokenRules, now: UnixTime) -> Result<Self, TokenFault> {
        let claims = json::object(bytes).map_err(|fault| TokenFault::Json { part: Part::Payload, fault })?;
        if text(&claims, "iss")? != rules.issuer() {
            return Err(TokenFault::WrongIssuer);
        }
        let audience = judge_audience(required(&claims, "aud")?, rules)?.into();
        let expires = date(&claims, "exp")?.ok_or_else(|| TokenFault::MissingClaim("exp".into()))?;
        if now.as_secs() >= expires.as_secs() {
            return Err(TokenFault::Expired { at: expires });
        }
        let latest = now.as_secs().saturating_add(rules.leeway().as_secs());
        for name in ["nbf", "iat"] {
            if let Some(at) = date(&claims, name)?.filter(|at| at.as_secs() > latest) {
                return Err(TokenFault::NotYetValid { at });
            }
        }
        let name = match text(&claims, rules.claim())? {
            "" => return Err(TokenFault::IllTypedClaim(rules.claim().into())),
            name => name.into(),
        };
        let certificate = claims.get("cnf").map(confirmed_certificate).transpose()?;
        Ok(Self { name, audience, expires, certificate })
    }
}

/// RFC 7519 §4.1.3: a string, or an array of strings.
fn judge_audience<'a>(audience: &Value, rules: &'a TokenRules) -> Result<&'a str, TokenFault> {
    let ill_typed = || TokenFault::IllTypedClaim("aud".into());
    let named: Vec<&str> = match audience {
        Value::String(audience) => vec![audience],
        Value::Array(audiences) => {
            audiences.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(ill_typed)?
        }
        _ => return Err(ill_typed()),
    };
    let ours = rules.audiences().iter().map(String::as_str);
    ours.into_iter().find(|ours| named.contains(ours)).ok_or(TokenFault::WrongAudience)
}

/// The certificate that the token is bound to (RFC 8705 §3.1): SHA-256 of its DER.
fn confirmed_certificate(confirmation: &Value) -> Result<Fingerprint, TokenFault> {
    let members = confirmation.as_object().filter(|members| members.len() == 1);
    let digest = members.and_then(|members| members.get("x5t#S256")).and_then(Value::as_str);
    let digest = digest.and_then(|digest| BASE64URL_NOPAD.decode(digest.as_bytes()).ok());
    let digest: Option<[u8; 32]> = digest.and_then(|digest| digest.try_into().ok());
    digest.map(Fingerprint::from).ok_or(TokenFault::UnknownConfirmation)
}

fn required<'a>(claims: &'a Object, name: &str) -> Result<&'a Value, TokenFault> {
    claims.get(name).ok_or_else(|| TokenFault::MissingClaim(name.into()))
}

fn text<'a>(claims: &'a Object, name: &str) -> Result<&'a str, TokenFault> {
    required(claims, name)?.as_str().ok_or_else(|| TokenFault::IllTypedClaim(name.into()))
}

fn date(claims: &Object, name: &str) -> Result<Option<UnixTime>, TokenFault> {
    let date = |value| numeric_date(value).ok_or_else(|| TokenFault::IllTypedClaim(name.into()));
    claims.get(name).map(date).transpose()
}
