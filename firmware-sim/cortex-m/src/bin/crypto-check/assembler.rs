//! What is judged: the device core's own sign and verify, built with the feature `p256-cm4`.

use countersign_agent::credential::{Signer as _, SoftwareSigner};
use countersign_agent::ecdsa::{self, PublicKey};

/// r and s of a signature over `message`; `None` if there is none.
pub(crate) fn sign(key: &[u8; 32], message: &[u8]) -> Option<[u8; 64]> {
    let mut signer = SoftwareSigner::new(key)?;
    Some(signer.sign(message).ok()?.to_bytes().into())
}

/// Whether it takes `signature` (DER) for that of the key at `point` over `message`.
pub(crate) fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    PublicKey::new(point).is_some_and(|key| ecdsa::verify(key, message, signature).is_ok())
}
