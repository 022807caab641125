//! What it is judged by: p256, used as its documentation shows.

use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};

use crate::instructions::Counter;

/// r and s of a signature over `message`; `None` if there is none.
pub(crate) fn sign(key: &[u8; 32], message: &[u8]) -> Option<[u8; 64]> {
    let signature: Signature = SigningKey::from_slice(key).ok()?.try_sign(message).ok()?;
    Some(signature.to_bytes().into())
}

/// Whether it takes `signature` (DER) for that of the key at `point` over `message`.
pub(crate) fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_sec1_bytes(point) else { return false };
    Signature::from_der(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

/// The instructions of a signature alone: a key of p256 computes its public half when it is made, once.
pub(crate) fn cost_of_signing(counter: &Counter, key: &[u8; 32], message: &[u8]) -> u32 {
    let Ok(key) = SigningKey::from_slice(key) else { return 0 };
    counter.count(|| key.try_sign(message).map(|signature: Signature| signature)).1
}
