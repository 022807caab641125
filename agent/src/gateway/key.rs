//! The device's private key: a bare scalar in the image, a signing key in TLS.

use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use zeroize::Zeroizing;

/// An uncompressed point on P-256: 0x04, x, y (SEC 1 §2.3.3).
pub(super) const POINT_LEN: usize = 65;

/// PKCS#8 around a P-256 `ECPrivateKey` (RFC 5958, RFC 5915), up to where the scalar starts.
const BEFORE_SCALAR: [u8; 36] = [
    0x30, 0x81, 0x87, // OneAsymmetricKey
    0x02, 0x01, 0x00, // version
    0x30, 0x13, // AlgorithmIdentifier
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // id-ecPublicKey
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, // secp256r1
    0x04, 0x6d, 0x30, 0x6b, // OCTET STRING { ECPrivateKey
    0x02, 0x01, 0x01, // version
    0x04, 0x20, // privateKey
];
/// `publicKey [1] BIT STRING`, up to where the point starts.
const BEFORE_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];

const PKCS8_LEN: usize = BEFORE_SCALAR.len() + 32 + BEFORE_POINT.len() + POINT_LEN;

/// The signing key of `scalar`, or `None` if `point` is not its public key.
///
/// The DER lives in one buffer on this stack, cleared on return; the loader borrows it. The point is part of it
/// because the loader then multiplies the scalar out and compares: that is the check.
pub(super) fn signing_key(scalar: &[u8; 32], point: &[u8; POINT_LEN]) -> Option<Arc<dyn SigningKey>> {
    let mut pkcs8 = Zeroizing::new([0; PKCS8_LEN]);
    let parts = [BEFORE_SCALAR.as_slice(), scalar, &BEFORE_POINT, point];
    for (byte, part) in pkcs8.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_slice()));
    rustls::crypto::ring::sign::any_ecdsa_type(&der).ok()
}
