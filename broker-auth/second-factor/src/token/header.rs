//! [`Header`]: what a token says of its signature.

use serde_json::Value;

use super::algorithm::Algorithm;
use super::fault::{Part, TokenFault};
use super::json;
use super::jwk::LONGEST_KEY_ID;

/// The header of a token, which nothing vouches for yet. Keys that it brings along or points to (jwk, jku, x5c, x5u) are
/// not looked at: they are whoever's made it (RFC 8725 §3.10).
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<Box<str>>,
}

impl Header {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenFault> {
        let members = json::object(bytes).map_err(|fault| TokenFault::Json { part: Part::Header, fault })?;
        let text = |name: &'static str| {
            let value = members.get(name).map(|value| value.as_str().ok_or(TokenFault::HeaderMember(name)));
            value.transpose()
        };
        let algorithm = text("alg")?.ok_or(TokenFault::HeaderMember("alg"))?;
        let algorithm = algorithm.parse().map_err(TokenFault::Algorithm)?;
        if members.contains_key("crit") {
            return Err(TokenFault::CriticalExtension);
        }
        if text("typ")?.is_some_and(|found| !is_expected_type(found)) {
            return Err(TokenFault::Type);
        }
        let key_id = text("kid")?;
        if key_id.is_some_and(|id| id.len() > LONGEST_KEY_ID) {
            return Err(TokenFault::HeaderMember("kid"));
        }
        // RFC 7797: a payload that is not base64url asks for crit, but a header may still ask for it without.
        if members.get("b64").is_some_and(|b64| *b64 != Value::Bool(true)) {
            return Err(TokenFault::CriticalExtension);
        }
        Ok(Self { algorithm, key_id: key_id.map(Into::into) })
    }
}

/// RFC 7515 §4.1.9: a media type, of which `application/` may be left out, in any case.
fn is_expected_type(found: &str) -> bool {
    let found = found.to_ascii_lowercase();
    matches!(found.strip_prefix("application/").unwrap_or(&found), "jwt" | "at+jwt")
}
