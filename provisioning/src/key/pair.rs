//! [`KeyPair`]: a P-256 key pair.

use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfo};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use super::P256PublicKey;
use crate::pem::{self, Label, PemError};

/// A P-256 key pair. The private key is zeroized on drop, and never printed.
pub struct KeyPair {
    pkcs8: Zeroizing<Vec<u8>>,
    scalar: Zeroizing<[u8; 32]>,
    public: P256PublicKey,
}

/// The algorithm of elliptic curve keys (RFC 5480 §2.1.1).
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The curve P-256 (RFC 5480 §2.1.1.1).
pub(super) const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Why no key pair was generated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyPairError {
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    Random,
    /// The generated key does not decode.
    #[error("a generated key does not read back")]
    Malformed,
}

impl KeyPair {
    /// Generates a key pair.
    pub(crate) fn generate(rng: &dyn SecureRandom) -> Result<Self, KeyPairError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, rng)
            .map_err(|_| KeyPairError::Random)?;
        Self::from_pkcs8(Zeroizing::new(document.as_ref().to_vec())).ok_or(KeyPairError::Malformed)
    }

    /// From PKCS#8 with the public key in it, as [`KeyPair::generate`] writes it.
    pub(super) fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Option<Self> {
        let key = PrivateKeyInfo::try_from(pkcs8.as_slice()).ok()?;
        let key = EcPrivateKey::from_der(key.private_key).ok()?;
        let scalar = Zeroizing::new(key.private_key.try_into().ok()?);
        let public = P256PublicKey::from_point(key.public_key?).ok()?;
        Some(Self { scalar, public, pkcs8 })
    }

    /// The key pair of a private scalar that was read from a file; `None` if it does not belong to this public key.
    pub(crate) fn from_scalar(scalar: &[u8; 32], public: &P256PublicKey) -> Option<Self> {
        let (algorithm, rng) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        // Computes the public key and compares it.
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, public.point(), &rng).ok()?;
        let key = EcPrivateKey { private_key: scalar, parameters: None, public_key: Some(public.point()) };
        let key = Zeroizing::new(key.to_der().ok()?);
        let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some((&PRIME256V1).into()) };
        let pkcs8 = PrivateKeyInfo::new(algorithm, &key).to_der().ok()?;
        Self::from_pkcs8(Zeroizing::new(pkcs8))
    }

    /// The key pair of a PKCS#8 document that was read from a file; `None` if it does not belong to this public key.
    pub(crate) fn from_file(pkcs8: &[u8], public: &P256PublicKey) -> Option<Self> {
        let key = PrivateKeyInfo::try_from(pkcs8).ok()?;
        let key = EcPrivateKey::from_der(key.private_key).ok()?;
        Self::from_scalar(key.private_key.try_into().ok()?, public)
    }

    /// The public key.
    pub(crate) fn public(&self) -> &P256PublicKey {
        &self.public
    }

    /// The private scalar, big endian (SEC 1 §C.4).
    pub(crate) fn scalar(&self) -> &[u8; 32] {
        &self.scalar
    }

    /// PKCS#8, DER.
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// PKCS#8, PEM.
    pub(crate) fn pem(&self) -> Result<Zeroizing<String>, PemError> {
        pem::encode(Label::PrivateKey, &self.pkcs8)
    }
}
