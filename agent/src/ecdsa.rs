//! ECDSA over P-256 with SHA-256: the only place that computes with the curve, apart from the key exchange.
//!
//! Two functions, [`verify`] and the `sign` behind [`SoftwareSigner`](crate::credential::SoftwareSigner): a board that
//! does them in assembler replaces what is in them. Whoever replaces `sign` owes it a nonce; RFC 6979 is the safe one.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};

pub use p256::ecdsa::Signature;

/// An uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
pub const POINT_LEN: usize = 65;

/// An uncompressed point, borrowed from a certificate. Whether it is on the curve is checked when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey<'a> {
    point: &'a [u8; POINT_LEN],
}

/// The signature is not this key's over this message; or the key is no point on the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

impl<'a> PublicKey<'a> {
    /// `None` for anything but 65 bytes that start with 0x04: compressed and hybrid points are refused.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let point: &[u8; POINT_LEN] = bytes.try_into().ok()?;
        (point.first() == Some(&0x04)).then_some(Self { point })
    }

    /// The point: 0x04, x, y.
    pub const fn as_bytes(&self) -> &'a [u8; POINT_LEN] {
        self.point
    }
}

/// Checks `signature`, the DER of an ECDSA-Sig-Value (RFC 3279 §2.2.3), over `message`.
pub fn verify(key: PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    let signature = Signature::from_der(signature).map_err(|_| BadSignature)?;
    let key = VerifyingKey::from_sec1_bytes(key.point).map_err(|_| BadSignature)?;
    key.verify(message, &signature).map_err(|_| BadSignature)
}

/// Signs `message` with a deterministic nonce (RFC 6979): a weak random generator cannot give the key away.
pub(crate) fn sign(key: &SigningKey, message: &[u8]) -> Option<Signature> {
    key.try_sign(message).ok()
}

/// The DER of a signature, as certificates and TLS carry it; at most 72 bytes.
pub(crate) fn to_der(signature: &Signature) -> DerSignature {
    signature.to_der()
}
