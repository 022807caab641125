//! Why an image gives no credential.

use device_identity::image::ImageError;
use device_identity::{DeviceId, SubjectError};

use super::SignError;
use crate::x509::{AnchorError, CertificateError};

/// Why an image gives no credential. Every one but [`Signer`](Self::Signer) is a fault of the image, which has to be
/// made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The bytes are no image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The key is elsewhere, and this needs one in the image.
    #[error("the image's private key is in key slot {slot} of a secure element")]
    KeySlot {
        /// The slot's number.
        slot: u32,
    },
    /// The private key is zero, or beyond the order of P-256.
    #[error("the image's private key is no P-256 key")]
    NoKey,
    /// The device certificate cannot be read.
    #[error("the device certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The device certificate names no device.
    #[error("the device certificate names no device: {0}")]
    Subject(#[from] SubjectError),
    /// The device certificate names another device.
    #[error("certificate is not this device's: the image's certificate is for {certificate}")]
    NotThisDevices {
        /// The device of the certificate.
        certificate: DeviceId,
    },
    /// The private key is another one than the certificate's.
    #[error("key does not match certificate: the image's private key belongs to another certificate")]
    KeyMismatch,
    /// The key could not be tried out.
    #[error("the private key could not be tried: {0}")]
    Signer(#[from] SignError),
    /// One of the broker anchors is no trust anchor.
    #[error("broker anchor {index} cannot be trusted: {source}")]
    Anchor {
        /// Which, counted from 0.
        index: usize,
        /// Why.
        source: AnchorError,
    },
    /// The server name is neither a DNS name nor an IP address.
    #[error("the image's server name is neither a DNS name nor an IP address")]
    ServerName,
}
