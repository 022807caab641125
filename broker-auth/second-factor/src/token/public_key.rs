//! [`PublicKey`]: what the signature of a token is verified with.

use std::fmt;

use authenticator::certificate::Fingerprint;
use data_encoding::BASE64URL_NOPAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::algorithm::Algorithm;

/// A public key of a kind that can be verified with, of the right length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// A point, uncompressed: 4, x, y.
    P256([u8; 65]),
    /// A point, uncompressed: 4, x, y.
    P384([u8; 97]),
    /// RFC 8032's encoding.
    Ed25519([u8; 32]),
    /// Modulus and public exponent, big-endian, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// The JWK thumbprint of a key (RFC 7638): SHA-256 of its required members. Displays as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(Fingerprint);

impl KeyDigest {
    /// As a digest like any other.
    pub(crate) fn sha256(self) -> Fingerprint {
        self.0
    }
}

/// The signature is not this key's, or the algorithm is not for such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadSignature;

impl PublicKey {
    /// The algorithms that such a key is for.
    pub(super) fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::P256(_) => &[Algorithm::Es256],
            Self::P384(_) => &[Algorithm::Es384],
            Self::Ed25519(_) => &[Algorithm::EdDsa],
            Self::Rsa { .. } => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
        }
    }

    /// Verifies a signature as RFC 7518 §3 encodes it: of ECDSA, r and s at their full length, never DER.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let unparsed = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let verified = match (self, algorithm) {
            (Self::P256(point), Algorithm::Es256) => unparsed(&ECDSA_P256_SHA256_FIXED, point),
            (Self::P384(point), Algorithm::Es384) => unparsed(&ECDSA_P384_SHA384_FIXED, point),
            (Self::Ed25519(key), Algorithm::EdDsa) => unparsed(&ED25519, key),
            (Self::Rsa { n, e }, _) => {
                let parameters = rsa_parameters(algorithm).ok_or(BadSignature)?;
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            _ => return Err(BadSignature),
        };
        verified.map_err(|_| BadSignature)
    }

    /// RFC 7638 §3: the required members, by name, without white space.
    pub(super) fn digest(&self) -> KeyDigest {
        let encode = |octets: &[u8]| BASE64URL_NOPAD.encode(octets);
        let curve = |name: &str, coordinates: &[u8]| {
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            format!(r#"{{"crv":"{name}","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y))
        };
        let members = match self {
            Self::P256([_, coordinates @ ..]) => curve("P-256", coordinates),
            Self::P384([_, coordinates @ ..]) => curve("P-384", coordinates),
            Self::Ed25519(key) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(key)),
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
        };
        KeyDigest(Fingerprint::of(members.as_bytes()))
    }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}
