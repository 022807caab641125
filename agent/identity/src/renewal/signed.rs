//! The bytes that a device signs for its renewal.

use super::message::{ConfirmationContent, MAX_CSR_LEN, MAX_SERIAL_LEN, RequestContent};
use crate::DeviceId;

/// What a request's signature is over begins with this: no signature of TLS or of a key check is one.
const REQUEST: &[u8] = b"countersign-renewal-1";

/// The same for a confirmation.
const CONFIRMATION: &[u8] = b"countersign-confirm-1";

/// The most that is signed, in bytes.
pub const MAX_SIGNED_LEN: usize =
    REQUEST.len() + 1 + DeviceId::MAX_LEN + 2 + MAX_CSR_LEN + 1 + MAX_SERIAL_LEN;

/// Bytes to sign, or to verify a signature over.
#[derive(Clone, Debug)]
pub struct Signed(heapless::Vec<u8, MAX_SIGNED_LEN>);

impl Signed {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn of<const N: usize>(parts: [&[u8]; N]) -> Self {
        let mut bytes = heapless::Vec::new();
        for part in parts {
            // The lengths of all parts were checked when the content was made, and they all fit.
            let _ = bytes.extend_from_slice(part);
        }
        Self(bytes)
    }
}

impl RequestContent<'_> {
    /// What the signature of a request is over: `countersign-renewal-1`, the device id behind its length (one byte),
    /// the CSR behind its length (two bytes, little endian), the serial behind its length (one byte).
    pub fn signed(&self) -> Signed {
        let id = self.device_id().as_str().as_bytes();
        Signed::of([
            REQUEST,
            &[short(id)],
            id,
            &u16::try_from(self.csr().len()).unwrap_or(u16::MAX).to_le_bytes(),
            self.csr(),
            &[short(self.serial())],
            self.serial(),
        ])
    }
}

impl ConfirmationContent<'_> {
    /// What the signature of a confirmation is over: `countersign-confirm-1`, the device id behind its length (one
    /// byte), the serial behind its length (one byte).
    pub fn signed(&self) -> Signed {
        let id = self.device_id().as_str().as_bytes();
        Signed::of([CONFIRMATION, &[short(id)], id, &[short(self.serial())], self.serial()])
    }
}

/// The length of something that is known to be no longer than a byte can say.
fn short(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap_or(u8::MAX)
}
