//! RustCrypto's p256: on every target.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{SigningKey, VerifyingKey};

use p256::ecdsa::Signature;

use super::public_key::{BadSignature, PublicKey};

/// A private key, in 1..n. Cleared when dropped.
pub(crate) struct SecretKey(SigningKey);

impl SecretKey {
    /// The key of this scalar, big endian; `None` for zero or more than the order of the curve.
    pub(crate) fn new(scalar: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(scalar).ok().map(Self)
    }

    /// Signs `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Signature> {
        self.0.try_sign(message).ok()
    }
}

/// Checks `signature` over `message`.
pub(super) fn verify(key: PublicKey<'_>, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_sec1_bytes(key.as_bytes()).map_err(|_| BadSignature)?;
    key.verify(message, signature).map_err(|_| BadSignature)
}
