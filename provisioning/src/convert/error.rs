//! [`ConvertError`]: why files were not converted.

use std::io;
use std::path::PathBuf;

use crate::image::{AddressError, FileFault, Format, PlacementError, SlotError};
use crate::issuer::IssuerError;
use crate::pem::PemError;
use crate::registry::RegistryError;

/// Why files were not converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The operating system cannot read a file.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is longer than any file of a device.
    #[error("{path} has more than {longest} bytes, and no file of a device has", path = .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        longest: usize,
    },
    /// A file is of no format that is read, or damaged.
    #[error("{path}: {fault}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        fault: FileFault,
    },
    /// The files are neither one image nor one certificate chain and one private key.
    #[error("the files are neither one image, nor one certificate chain and its private key")]
    Files,
    /// A private key without a certificate.
    #[error("{path} is a private key, and its certificate is not beside it", path = .path.display())]
    NoCertificate {
        /// The key.
        path: PathBuf,
    },
    /// A certificate without a private key.
    #[error("{path} is a certificate, and its private key is not beside it", path = .path.display())]
    NoKey {
        /// The certificate.
        path: PathBuf,
    },
    /// A private key, and the number of a key slot.
    #[error("the private key of {path} is in a file, and a key slot is for keys on the device", path = .path.display())]
    KeyTwice {
        /// The certificate.
        path: PathBuf,
    },
    /// The chain has no issuing certificate, or more than one.
    #[error("{path} is not a certificate and that of its issuing CA, as *.cert.pem files are", path = .path.display())]
    Chain {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is not a device's.
    #[error("the certificate in {path} is not that of a device", path = .path.display())]
    NotADevice {
        /// The file.
        path: PathBuf,
    },
    /// The private key is another's.
    #[error("the private key in {path} does not belong to the certificate", path = .path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is from elsewhere.
    #[error("the certificate in {path} was not issued by the device CA of this fleet", path = .path.display())]
    NotIssuedHere {
        /// The file.
        path: PathBuf,
    },
    /// The certificate is not what this program issues, or has ended.
    #[error("the certificate in {path}: {fault}", path = .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The format has an address, and the source none.
    #[error("a {format} file says where its slot goes, and what it is made from does not")]
    NoAddress {
        /// The format.
        format: Format,
    },
    /// The source has an address that cannot be flashed.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The slot cannot be put there.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// No image could be written.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// No PEM could be written.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The certificates of the fleet cannot be used.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The registry cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
