//! The key that a certificate has been asked for, as it lies in its slot from before the request is sent.
//!
//! ```text
//! offset  length
//!      0       4  "RQST"
//!      4       4  where the key is, little endian: 0 here, 1 in a slot of a key store
//!      8      32  the scalar, big endian; or the number of the key store's slot, little endian, and zeros
//!     40      32  SHA-256 of the CertificationRequest
//!     72       4  CRC-32/ISO-HDLC over bytes 0–71, little endian
//!     76       4  zeros
//! ```

use core::fmt;

use device_identity::image::{self, PrivateKey};
use zeroize::Zeroizing;

use crate::credential::NewKey;

/// The length of a request as it lies in flash: a multiple of every program unit.
pub(super) const LEN: usize = 80;

const MAGIC: [u8; 4] = *b"RQST";

/// A key that exists, and the request for its certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingRequest {
    key: NewKey,
    csr_sha256: [u8; 32],
}

impl PendingRequest {
    /// The request of this digest (SHA-256 of the PKCS#10's DER), which `key` has signed.
    pub fn new(key: PrivateKey<'_>, csr_sha256: [u8; 32]) -> Self {
        Self { key: key.into(), csr_sha256 }
    }

    /// The key: the one an image must have to answer this request.
    pub fn key(&self) -> PrivateKey<'_> {
        self.key.as_private_key()
    }

    /// SHA-256 of the CertificationRequest's DER.
    pub const fn csr_sha256(&self) -> &[u8; 32] {
        &self.csr_sha256
    }

    pub(super) fn encode(&self) -> Zeroizing<[u8; LEN]> {
        let mut bytes = Zeroizing::new([0; LEN]);
        let (place, key) = match &self.key {
            NewKey::Scalar(scalar) => (0_u32, scalar.clone()),
            NewKey::Slot(number) => {
                let mut key = Zeroizing::new([0; 32]);
                key.iter_mut().zip(number.to_le_bytes()).for_each(|(place, byte)| *place = byte);
                (1, key)
            }
        };
        let fields = MAGIC.into_iter().chain(place.to_le_bytes()).chain(*key).chain(self.csr_sha256);
        bytes.iter_mut().zip(fields).for_each(|(place, byte)| *place = byte);
        if let Some((covered, rest)) = bytes.split_at_mut_checked(72) {
            let checksum = image::checksum(covered).to_le_bytes();
            rest.iter_mut().zip(checksum).for_each(|(place, byte)| *place = byte);
        }
        bytes
    }

    /// `None` if the bytes were changed after they were written.
    pub(super) fn decode(bytes: &[u8; LEN]) -> Option<Self> {
        let (covered, rest) = bytes.split_first_chunk::<72>()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        if image::checksum(covered) != u32::from_le_bytes(*checksum) || rest != [0; 4] {
            return None;
        }
        let (magic, fields) = covered.split_first_chunk()?;
        let (place, fields) = fields.split_first_chunk()?;
        let (key, csr_sha256) = fields.split_first_chunk::<32>()?;
        let key = match (*magic == MAGIC, u32::from_le_bytes(*place)) {
            (true, 0) => NewKey::Scalar(Zeroizing::new(*key)),
            (true, 1) => match key.split_first_chunk()? {
                (number, rest) if rest.iter().all(|&byte| byte == 0) => {
                    NewKey::Slot(u32::from_le_bytes(*number))
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { key, csr_sha256: csr_sha256.try_into().ok()? })
    }
}

/// Never the key.
impl fmt::Debug for PendingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRequest").field("key", &self.key()).finish_non_exhaustive()
    }
}
