//! [`TokenFault`]: why a token is refused.

use std::borrow::Cow;
use std::fmt;

use authenticator::certificate::timestamp;
use rustls_pki_types::UnixTime;

use super::algorithm::{Algorithm, AlgorithmError};
use super::json::JsonFault;
use super::jwk::LONGEST_KEY_ID;
use super::rules::TokenRules;

/// Why a token is refused. Never shows the token; before the signature is verified it shows of its contents no more than
/// a key id of 256 bytes, escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It is too long to be looked at.
    #[error("the token has {length} bytes, and {} are the most", TokenRules::LONGEST_TOKEN)]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// It is not three parts with dots between them.
    #[error("the token is not three parts with dots between them")]
    NotThreeParts,
    /// A part is no base64url as RFC 7515 §2 has it: without padding, white space, and bits that say nothing.
    #[error("the {0} of the token is no base64url without padding")]
    Base64(Part),
    /// A part is no JSON object.
    #[error("the {part} of the token {fault}")]
    Json {
        /// Which.
        part: Part,
        /// Why.
        fault: JsonFault,
    },
    /// A member of the header is missing or of another type, or a key id is too long.
    #[error("{0} in the token's header is missing, no string, or longer than {LONGEST_KEY_ID} bytes")]
    HeaderMember(&'static str),
    /// The header says that something must be understood, and no extension is (RFC 7515 §4.1.11).
    #[error("the token's header has crit, and no extension is understood here")]
    CriticalExtension,
    /// It is something else than an access token or a plain JWT (RFC 8725 §3.11).
    #[error("the token's typ is neither JWT nor at+jwt: it was made for something else")]
    Type,
    /// Its algorithm is none that could be allowed.
    #[error("the token is refused: {0}")]
    Algorithm(AlgorithmError),
    /// Its algorithm is not among those of the rules.
    #[error("the token is signed with {0}, which is not among the algorithms configured")]
    AlgorithmNotAllowed(Algorithm),
    /// The set has no key of this id. The issuer may have a new one: the caller may fetch the set again, now and then.
    #[error("the issuer's key set has no key {}", key_id_text(id.as_deref()))]
    UnknownKey {
        /// The token's `kid`.
        id: Option<Box<str>>,
    },
    /// The key is of another kind, or for another algorithm.
    #[error("the token's key is not for {0}")]
    KeyMismatch(Algorithm),
    /// The signature is not of this key.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim that the rules ask for is not there.
    #[error("the token has no claim {0:?}: its issuer must put it in")]
    MissingClaim(Box<str>),
    /// A claim is not of the type that RFC 7519 gives it, is empty, or out of range.
    #[error("the token's claim {0:?} is not of the right type, is empty, or is out of range")]
    IllTypedClaim(Box<str>),
    /// It is another issuer's.
    #[error("the token is of another issuer than the one configured")]
    WrongIssuer,
    /// It is for somebody else.
    #[error("the token is for another audience than those configured")]
    WrongAudience,
    /// It is past `exp`.
    #[error("the token expired at {}: the client must fetch a new one", timestamp(*at))]
    Expired {
        /// The first second at which it is.
        at: UnixTime,
    },
    /// It is before `nbf`, or was issued in the future.
    #[error("the token begins at {}: either clock, the issuer's or this one, may be wrong", timestamp(*at))]
    NotYetValid {
        /// The first second at which it begins, without the leeway.
        at: UnixTime,
    },
    /// `cnf` (RFC 7800) binds it to something that cannot be checked here.
    #[error("the token's cnf is not {{\"x5t#S256\": …}}: it is bound to something that is not checked here")]
    UnknownConfirmation,
}

fn key_id_text(id: Option<&str>) -> Cow<'static, str> {
    id.map_or(Cow::Borrowed("without kid"), |id| format!("{id:?}").into())
}

/// A part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first.
    Header,
    /// The second: the claims.
    Payload,
    /// The third.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}
