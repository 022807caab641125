//! Why a slot holds nothing, and why a store cannot do what it is asked for.

use device_identity::SubjectError;
use device_identity::image::{ImageError, WriteError};

use crate::x509::CertificateError;

/// Why a slot gives no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotFault {
    /// The flash cannot be read there; with an error-correcting code that is what a power cut may leave.
    #[error("it cannot be read")]
    Unreadable,
    /// It was being written or erased when the power went.
    #[error("it was being written when the power went")]
    Torn,
    /// It holds a request, and no image.
    #[error("it holds a key that no certificate has come for")]
    Request,
    /// Its image is none.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The certificate of its image is none.
    #[error("the device certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate of its image names no device.
    #[error("the device certificate names no device: {0}")]
    Subject(#[from] SubjectError),
    /// The certificate of its image is another device's.
    #[error("its certificate is not the image's device's")]
    NotThisDevices,
}

/// Why the store cannot do it. `E` is the error of the flash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError<E> {
    /// The flash says so. What was being written is lost, and what the device lives on is not.
    #[error("the flash does not do it: {0:?}")]
    Flash(E),
    /// Neither slot has a credential: the board has to be flashed.
    #[error("no credential: {}, and {}", .slots[0], .slots[1])]
    NoCredential {
        /// Why, for the first slot and for the second.
        slots: [SlotFault; 2],
    },
    /// The image does not fit into a slot, or a reader would refuse it.
    #[error("the image cannot be kept")]
    Image(WriteError),
    /// The certificate of the image cannot be read.
    #[error("the new certificate: {0}")]
    Certificate(CertificateError),
    /// There is no image beside the one that is in use.
    #[error("no credential is on trial")]
    NoTrial,
    /// It would be the last credential of the device.
    #[error("the device has no other credential")]
    OnlyCredential,
}
