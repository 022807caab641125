//! [`PublicKey`]: the key of a certificate, and whether anything here can verify what it signed.

use std::fmt;

use rustls_pki_types::SignatureVerificationAlgorithm;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::der;

/// The longest RSA key of a presented certificate, in bits: verifying costs the square of its length.
pub const MAX_PRESENTED_RSA_BITS: usize = 4096;

/// The shortest and longest RSA key that is verified with at all, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The public key of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The content of its AlgorithmIdentifier.
    algorithm: Box<[u8]>,
    /// The content of the bit string.
    bits: Box<[u8]>,
    kind: KeyKind,
}

/// What kind of key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with a modulus of that many bits.
    Rsa(usize),
    /// One that nothing here verifies with, as people call it.
    Unsupported(Box<str>),
}

/// Why no signature of a key can be verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key of the kind {0} cannot be verified with")]
pub struct UnsupportedKey(pub String);

impl PublicKey {
    pub(crate) fn read(key: &SubjectPublicKeyInfo<'_>) -> Option<Self> {
        let mut content = der::only(key.raw, der::SEQUENCE)?.content;
        let algorithm = der::expect(&mut content, der::SEQUENCE)?.content;
        let (0, bits) = der::only(content, der::BIT_STRING)?.content.split_first()? else { return None };
        let kind = KeyKind::of(&key.algorithm.algorithm.to_id_string(), algorithm, bits);
        Some(Self { algorithm: algorithm.into(), bits: bits.into(), kind })
    }

    /// The key of a certificate whose other fields do not matter, because they have been judged. `None`: it has none.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let mut certificate = der::only(der, der::SEQUENCE)?.content;
        let mut fields = der::expect(&mut certificate, der::SEQUENCE)?.content;
        // The version, which a certificate of version 1 leaves out.
        if fields.first() == Some(&0xa0) {
            der::take(&mut fields)?;
        }
        // Serial number, signature algorithm, issuer, validity, subject (RFC 5280 §4.1).
        for _ in 0..5 {
            der::take(&mut fields)?;
        }
        let (_, key) = SubjectPublicKeyInfo::from_der(fields).ok()?;
        Self::read(&key)
    }

    /// What kind of key it is.
    pub fn kind(&self) -> &KeyKind {
        &self.kind
    }

    /// Whether a peer's signatures by it can be verified.
    pub fn is_supported(&self) -> bool {
        self.refuse_unsupported(MAX_PRESENTED_RSA_BITS).is_ok()
    }

    /// Whether its signatures can be verified; of an RSA key of a presented certificate, too, whether it is short enough
    /// to be worth it.
    pub(crate) fn refuse_unsupported(&self, longest_rsa: usize) -> Result<(), UnsupportedKey> {
        match &self.kind {
            KeyKind::P256 | KeyKind::P384 | KeyKind::Ed25519 => Ok(()),
            KeyKind::Rsa(bits) if RSA_BITS.contains(bits) && *bits <= longest_rsa => Ok(()),
            other => Err(UnsupportedKey(other.to_string())),
        }
    }

    /// Whether `signature` of `message`, made by an algorithm of TLS, is by this key. Tries `algorithms` that fit it.
    pub fn verifies<'a>(
        &self,
        algorithms: impl IntoIterator<Item = &'a &'a dyn SignatureVerificationAlgorithm>,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        algorithms
            .into_iter()
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == &*self.algorithm)
            .any(|algorithm| algorithm.verify_signature(&self.bits, message, signature).is_ok())
    }

    pub(crate) fn algorithm(&self) -> &[u8] {
        &self.algorithm
    }

    /// The content of the bit string: what a CertID and a ResponderID hash (RFC 6960 §4.1.1, §4.2.1).
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }
}

impl KeyKind {
    fn of(oid: &str, algorithm: &[u8], bits: &[u8]) -> Self {
        let unsupported = |name: &str| Self::Unsupported(name.into());
        match oid {
            "1.2.840.10045.2.1" => match (curve(algorithm), bits.first(), bits.len()) {
                ("P-256", Some(4), 65) => Self::P256,
                ("P-384", Some(4), 97) => Self::P384,
                // RFC 5480 §2.2: a compressed point is optional, and ring has none.
                (curve @ ("P-256" | "P-384"), Some(2 | 3), _) => {
                    unsupported(&format!("{curve} with a compressed point"))
                }
                (curve @ ("P-256" | "P-384"), ..) => unsupported(&format!("{curve} with a malformed point")),
                (curve, ..) => unsupported(curve),
            },
            "1.2.840.113549.1.1.1" => rsa_bits(bits).map_or_else(|| unsupported("malformed RSA"), Self::Rsa),
            "1.2.840.113549.1.1.10" => unsupported("RSASSA-PSS alone"),
            "1.3.101.112" if bits.len() == 32 => Self::Ed25519,
            "1.3.101.112" => unsupported("malformed Ed25519"),
            "1.3.101.113" => unsupported("Ed448"),
            "1.3.101.110" => unsupported("X25519"),
            "1.3.101.111" => unsupported("X448"),
            "1.2.840.10040.4.1" => unsupported("DSA"),
            "2.16.840.1.101.3.4.3.17" => unsupported("ML-DSA-44"),
            "2.16.840.1.101.3.4.3.18" => unsupported("ML-DSA-65"),
            "2.16.840.1.101.3.4.3.19" => unsupported("ML-DSA-87"),
            other => unsupported(other),
        }
    }
}

/// The curve of an EC key's AlgorithmIdentifier (RFC 5480 §2.1.1).
fn curve(algorithm: &[u8]) -> &'static str {
    let mut rest = algorithm;
    let curve = der::take(&mut rest).and_then(|_| der::take(&mut rest)).map(|element| element.whole);
    match curve {
        Some([6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) => "P-256",
        Some([6, 5, 0x2b, 0x81, 4, 0, 34]) => "P-384",
        Some([6, 5, 0x2b, 0x81, 4, 0, 35]) => "P-521",
        Some([6, 5, 0x2b, 0x81, 4, 0, 33]) => "P-224",
        Some([6, 5, 0x2b, 0x81, 4, 0, 10]) => "secp256k1",
        Some([6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]) => "brainpoolP256r1",
        Some([6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11]) => "brainpoolP384r1",
        Some([6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13]) => "brainpoolP512r1",
        Some([6, ..]) => "an elliptic curve that is not known here",
        _ => "an elliptic curve without a name",
    }
}

/// The length of the modulus of an RSAPublicKey (RFC 8017 §A.1.1).
fn rsa_bits(key: &[u8]) -> Option<usize> {
    let mut content = der::only(key, der::SEQUENCE)?.content;
    let modulus = der::expect(&mut content, 0x02)?.content;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let leading = modulus.first()?.leading_zeros();
    (modulus.len() * 8).checked_sub(usize::try_from(leading).ok()?)
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Rsa(bits) => write!(f, "RSA of {bits} bits"),
            Self::Unsupported(name) => f.write_str(name),
        }
    }
}
