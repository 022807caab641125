//! [`Key`]: one JSON Web Key (RFC 7517 §4) that tokens can be verified with.

use authenticator::factor::ShownToken;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::json::Object;
use super::public_key::{KeyDigest, PublicKey};

/// A key of a set, and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(super) id: Option<Box<str>>,
    pub(super) public: PublicKey,
    pub(super) digest: KeyDigest,
    /// The one that the key states, or all that such a key is for.
    pub(super) algorithms: Vec<Algorithm>,
}

impl Key {
    /// Whether it signed the token, for an algorithm that it is still for.
    pub(crate) fn is_of(&self, shown: &ShownToken) -> bool {
        let mut algorithms = self.algorithms.iter();
        self.digest.sha256() == shown.key && algorithms.any(|algorithm| algorithm.as_str() == shown.algorithm)
    }
}

/// The longest key id, in bytes: it is shown to people when it is not known.
pub(super) const LONGEST_KEY_ID: usize = 256;

/// Why a key is not used. A set may have such keys (RFC 7517 §5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Neither EC, RSA nor OKP.
    #[error("its kty is none of EC, RSA, OKP")]
    KeyType,
    /// None of the curves that are known.
    #[error("its crv is none of P-256, P-384, Ed25519")]
    Curve,
    /// It is for encryption, or for something else.
    #[error("its use is not \"sig\"")]
    Use,
    /// It is for other operations.
    #[error("its key_ops do not include \"verify\"")]
    KeyOperations,
    /// It is for an algorithm that is not for a key of its kind, or not known.
    #[error("its alg is not one of its kty and crv that is known here")]
    Algorithm,
    /// RSA with a modulus outside of 2048 to 8192 bits, or an exponent that is even, 1, or of more than 33 bits.
    #[error("its RSA modulus has not 2048 to 8192 bits, or its exponent is even, 1 or of more than 33 bits")]
    RsaSize,
    /// A member is missing, of another type, or does not have the length that the kind of key asks for.
    #[error("its {0} is missing or malformed")]
    Malformed(&'static str),
}

impl Key {
    /// Reads one key. What x5u, x5c, x5t and unknown members say is not looked at.
    pub(super) fn parse(jwk: &Object) -> Result<Self, SkipReason> {
        let id = key_id(jwk)?.map(Into::into);
        let public = public_key(jwk)?;
        match optional_text(jwk, "use")? {
            None | Some("sig") => {}
            Some(_) => return Err(SkipReason::Use),
        }
        match jwk.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => {}
            Some(Value::Array(_)) => return Err(SkipReason::KeyOperations),
            Some(_) => return Err(SkipReason::Malformed("key_ops")),
        }
        let algorithms = match optional_text(jwk, "alg")? {
            None => public.algorithms().to_vec(),
            Some(name) => {
                let stated = name.parse().map_err(|_| SkipReason::Algorithm)?;
                if !public.algorithms().contains(&stated) {
                    return Err(SkipReason::Algorithm);
                }
                vec![stated]
            }
        };
        Ok(Self { id, digest: public.digest(), public, algorithms })
    }
}

/// The `kid` of a key.
pub(super) fn key_id(jwk: &Object) -> Result<Option<&str>, SkipReason> {
    match optional_text(jwk, "kid")? {
        Some(id) if id.len() > LONGEST_KEY_ID => Err(SkipReason::Malformed("kid")),
        id => Ok(id),
    }
}

fn public_key(jwk: &Object) -> Result<PublicKey, SkipReason> {
    match (text(jwk, "kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("EC", Some("P-256")) => point(jwk, 32).map(PublicKey::P256),
        ("EC", Some("P-384")) => point(jwk, 48).map(PublicKey::P384),
        ("OKP", Some("Ed25519")) => {
            octets(jwk, "x")?.try_into().map(PublicKey::Ed25519).map_err(|_| SkipReason::Malformed("x"))
        }
        ("EC" | "OKP", _) => Err(SkipReason::Curve),
        ("RSA", _) => {
            let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
            let has_size = (2048..=8192).contains(&bits(&n)) && (2..=33).contains(&bits(&e));
            let is_odd = e.last().is_some_and(|octet| octet % 2 == 1);
            // RFC 7518 §6.3.1: no octet more than needed.
            let is_minimal = |octets: &[u8]| octets.first().is_some_and(|octet| *octet != 0);
            match (is_minimal(&n), is_minimal(&e)) {
                (false, _) => Err(SkipReason::Malformed("n")),
                (_, false) => Err(SkipReason::Malformed("e")),
                _ if has_size && is_odd => Ok(PublicKey::Rsa { n, e }),
                _ => Err(SkipReason::RsaSize),
            }
        }
        _ => Err(SkipReason::KeyType),
    }
}

/// The uncompressed point of x and y. RFC 7518 §6.2.1.2: both have the full length of a coordinate.
fn point<const N: usize>(jwk: &Object, coordinate: usize) -> Result<[u8; N], SkipReason> {
    let mut point = vec![4];
    for name in ["x", "y"] {
        let octets = octets(jwk, name)?;
        if octets.len() != coordinate {
            return Err(SkipReason::Malformed(name));
        }
        point.extend(octets);
    }
    point.try_into().map_err(|_| SkipReason::Malformed("x"))
}

/// The length of a big-endian number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |octet| octet.leading_zeros() as usize);
    (8 * number.len()).saturating_sub(leading)
}

fn octets(jwk: &Object, name: &'static str) -> Result<Vec<u8>, SkipReason> {
    BASE64URL_NOPAD.decode(text(jwk, name)?.as_bytes()).map_err(|_| SkipReason::Malformed(name))
}

fn text<'a>(jwk: &'a Object, name: &'static str) -> Result<&'a str, SkipReason> {
    optional_text(jwk, name)?.ok_or(SkipReason::Malformed(name))
}

fn optional_text<'a>(jwk: &'a Object, name: &'static str) -> Result<Option<&'a str>, SkipReason> {
    jwk.get(name).map(|value| value.as_str().ok_or(SkipReason::Malformed(name))).transpose()
}
