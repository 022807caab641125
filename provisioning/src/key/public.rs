//! [`P256PublicKey`]: the only kind of public key that gets a certificate.

use std::fmt;

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use x509_parser::asn1_rs::Tag;
use x509_parser::oid_registry::{
    OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519,
    Oid,
};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::digest::Sha256;

/// The DER that precedes the point in the SubjectPublicKeyInfo of a P-256 key:
/// `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }`.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The length of an uncompressed point in bytes: 0x04, x, y.
const POINT_LEN: usize = 65;

/// An uncompressed P-256 point. That it lies on the curve is not checked here: every such key was generated here or has
/// verified the signature of a signing request or of a certificate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct P256PublicKey([u8; POINT_LEN]);

/// Why a public key is not certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PublicKeyError {
    /// The key is not on P-256.
    #[error("the key is {found}, only P-256 (prime256v1) is accepted")]
    NotP256 {
        /// The kind of key it is.
        found: String,
    },
    /// The curve is described by its parameters, not named.
    #[error(
        "the curve of the key is described by explicit parameters, only the named curve prime256v1 is accepted"
    )]
    ExplicitCurve,
    /// The point is compressed, or in the hybrid form.
    #[error("the P-256 key is a {form} point, only uncompressed ones are accepted")]
    Form {
        /// In what form it is.
        form: &'static str,
    },
    /// The key is on P-256, but not encoded as `04 x y` with a named curve.
    #[error("the P-256 key is not an uncompressed point on the named curve")]
    Encoding,
}

impl P256PublicKey {
    /// From a point in SEC 1 form.
    pub(crate) fn from_point(point: &[u8]) -> Result<Self, PublicKeyError> {
        match (point.first(), <[u8; POINT_LEN]>::try_from(point)) {
            (Some(0x04), Ok(point)) => Ok(Self(point)),
            (Some(0x02 | 0x03), Err(_)) => Err(PublicKeyError::Form { form: "compressed" }),
            (Some(0x06 | 0x07), Ok(_)) => Err(PublicKeyError::Form { form: "hybrid" }),
            _ => Err(PublicKeyError::Encoding),
        }
    }

    /// From a parsed SubjectPublicKeyInfo, whose DER must be exactly what [`P256PublicKey::spki`] writes.
    pub(crate) fn from_spki(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, PublicKeyError> {
        let algorithm = &spki.algorithm.algorithm;
        let parameter = spki.algorithm.parameters.as_ref().filter(|parameter| parameter.tag() == Tag::Oid);
        let parameter = parameter.and_then(|parameter| parameter.as_oid().ok());
        let found = |found: String| Err(PublicKeyError::NotP256 { found });
        if *algorithm == OID_PKCS1_RSAENCRYPTION {
            return found("RSA".into());
        } else if *algorithm == OID_SIG_ED25519 {
            return found("Ed25519".into());
        } else if *algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
            return found(algorithm_name(algorithm));
        }
        match parameter {
            Some(curve) if curve == x509_parser::oid_registry::OID_EC_P256 => {}
            Some(curve) => return found(curve_name(&curve)),
            None if spki.algorithm.parameters.is_some() => return Err(PublicKeyError::ExplicitCurve),
            None => return found("on an unnamed curve".into()),
        }
        let key = Self::from_point(&spki.subject_public_key.data)?;
        if key.spki() == spki.raw { Ok(key) } else { Err(PublicKeyError::Encoding) }
    }

    /// The point: 0x04, x, y.
    pub(crate) fn point(&self) -> &[u8] {
        &self.0
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn spki(&self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.0].concat()
    }

    /// The SHA-256 digest of the SubjectPublicKeyInfo, by which the registry finds this key.
    pub(crate) fn spki_sha256(&self) -> Sha256 {
        Sha256::of(&self.spki())
    }
}

fn algorithm_name(algorithm: &Oid<'_>) -> String {
    match algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.10" => "RSA-PSS".into(),
        "1.2.840.10040.4.1" => "DSA".into(),
        "1.3.101.110" => "X25519".into(),
        "1.3.101.113" => "Ed448".into(),
        other => format!("of algorithm {other}"),
    }
}

fn curve_name(curve: &Oid<'_>) -> String {
    if *curve == OID_NIST_EC_P384 {
        "P-384".into()
    } else if *curve == OID_NIST_EC_P521 {
        "P-521".into()
    } else {
        format!("on curve {curve}")
    }
}

impl fmt::Debug for P256PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P256PublicKey({})", self.spki_sha256())
    }
}

impl PublicKeyData for P256PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
