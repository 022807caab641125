//! ECDSA over P-256 with SHA-256: the only place that computes with the curve, apart from the key exchange.
//!
//! [`verify`], and the key behind [`SoftwareSigner`](crate::credential::SoftwareSigner). Who does the arithmetic is
//! decided when the crate is built: RustCrypto's p256, or the assembler of p256-cm4 (feature `p256-cm4`). Both are
//! handed nothing unchecked, and both sign with deterministic nonces (RFC 6979): a weak random generator cannot give
//! the key away.

#[cfg(all(feature = "p256-cm4", not(target_arch = "arm")))]
compile_error!(
    "the feature `p256-cm4` is assembler for Cortex-M4 and M7: build for thumbv7em, or without it"
);

#[cfg(all(feature = "p256-cm4", target_arch = "arm"))]
mod cortex_m4;
#[cfg(not(all(feature = "p256-cm4", target_arch = "arm")))]
mod software;

#[cfg(all(feature = "p256-cm4", target_arch = "arm"))]
use cortex_m4 as arithmetic;
#[cfg(not(all(feature = "p256-cm4", target_arch = "arm")))]
use software as arithmetic;

mod public_key;

use p256::ecdsa::DerSignature;

pub(crate) use arithmetic::SecretKey;
pub use p256::ecdsa::Signature;
pub use public_key::{BadSignature, POINT_LEN, PublicKey};

/// Checks `signature`, the DER of an ECDSA-Sig-Value (RFC 3279 §2.2.3), over `message`.
pub fn verify(key: PublicKey<'_>, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    // A `Signature` has both its numbers in 1..n.
    let signature = Signature::from_der(signature).map_err(|_| BadSignature)?;
    arithmetic::verify(key, message, &signature)
}

/// The DER of a signature, as certificates and TLS carry it; at most 72 bytes.
pub(crate) fn to_der(signature: &Signature) -> DerSignature {
    signature.to_der()
}
