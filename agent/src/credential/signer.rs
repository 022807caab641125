//! The device's key, as something that signs.

use core::time::Duration;

use crate::ecdsa::{SecretKey, Signature};

/// A P-256 private key somewhere: in the image, in a secure element, behind an instruction set extension.
///
/// Called once per handshake, and once when a credential is read: synchronously, because embedded-tls asks for the signature
/// in the middle of a poll.
pub trait Signer {
    /// The longest that [`sign`](Self::sign) keeps the executor from everything else. What has a deadline of its own, as a
    /// watchdog, has to allow for it. A secure element on I²C needs some 50 ms.
    const LONGEST_BLOCK: Duration;

    /// Signs `message` (not its digest) with ECDSA and SHA-256.
    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError>;
}

impl<S: Signer> Signer for &mut S {
    const LONGEST_BLOCK: Duration = S::LONGEST_BLOCK;

    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        S::sign(self, message)
    }
}

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The secure element, key store or driver reports an error.
    #[error("the device's key store does not sign (code {code:#x})")]
    KeyStore {
        /// Its error code.
        code: u32,
    },
    /// The computation failed.
    #[error("the device's key does not sign")]
    Key,
}

/// A key held in memory, with deterministic nonces (RFC 6979). Cleared when dropped, and absent from `Debug`.
pub struct SoftwareSigner {
    key: SecretKey,
}

impl SoftwareSigner {
    /// The key of this scalar, big endian; `None` for zero or more than the order of the curve.
    pub fn new(scalar: &[u8; 32]) -> Option<Self> {
        SecretKey::new(scalar).map(|key| Self { key })
    }
}

impl Signer for SoftwareSigner {
    /// On a Cortex-M4 of 25 MHz: 6.5 million instructions, or 0.4 million in assembler (README), at 1.3 and 1.7 cycles each.
    const LONGEST_BLOCK: Duration = Duration::from_millis(if cfg!(feature = "p256-cm4") { 50 } else { 400 });

    fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        self.key.sign(message).ok_or(SignError::Key)
    }
}

impl core::fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SoftwareSigner(<redacted>)")
    }
}
