//! [`Conflict`]: what exists already and so stands in the way of new credentials.

mod difference;

use std::path::PathBuf;

use device_identity::DeviceId;

use crate::tally::Counted;
pub(crate) use difference::FileDifference;

/// What exists already and so stands in the way of new credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    /// The device is registered.
    #[error("device {device_id} is registered already")]
    DeviceExists {
        /// The device.
        device_id: DeviceId,
    },
    /// The device is registered from an order line with other content.
    #[error("line {line}: device {device_id} is registered already, with other content")]
    DeviceDiffers {
        /// The line of the order.
        line: u64,
        /// The device.
        device_id: DeviceId,
    },
    /// The service is registered.
    #[error("service {name} is registered already")]
    ServiceExists {
        /// The service.
        name: String,
    },
    /// A service has the name wanted for a device.
    #[error("{name} is a service already, and devices and services share their names")]
    NameOfService {
        /// The name.
        name: String,
    },
    /// A device has the name wanted for a service.
    #[error("{name} is a device already, and devices and services share their names")]
    NameOfDevice {
        /// The name.
        name: String,
    },
    /// The name was registered between the check of the order and its recording.
    #[error("{name} is registered already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Another device of the product has the serial number on its board.
    #[error("line {line}: the board serial number {serial_number:?}{of_product} is that of {holder} already", of_product = .product.as_ref().map(|product| format!(" of product {product:?}")).unwrap_or_default())]
    BoardSerial {
        /// The line of the order.
        line: u64,
        /// The serial number.
        serial_number: String,
        /// The product, if it has one.
        product: Option<String>,
        /// The other device, and where it is in the order.
        holder: String,
    },
    /// The public key was certified before.
    #[error("the public key of {name} is certified already, for {identity}")]
    PublicKey {
        /// Whose certificate was refused.
        name: String,
        /// For whom the key was certified.
        identity: String,
    },
    /// The serial number was drawn before. 128 random bits do not repeat: the random number generator is broken.
    #[error("the serial number drawn for {name} exists already; is the random number generator broken?")]
    Serial {
        /// Whose certificate was refused.
        name: String,
    },
    /// The command line names a device twice.
    #[error("{device_id} is named twice")]
    NamedTwice {
        /// The device.
        device_id: DeviceId,
    },
    /// An unregistered file has the name of a new one. It is not replaced: it may hold the only copy of a key.
    #[error("{path} exists already, and the registry does not know {name}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Whose file it would be.
        name: String,
    },
    /// A name differs from one there is in the case of its letters alone: on a stick without case they are one file, and
    /// people take them for one device.
    #[error("{name} differs from {existing} in case alone, and {existing} {}", if *.registered { "is registered" } else { "is named too" })]
    CaseTwin {
        /// The new name.
        name: String,
        /// The other name, exactly.
        existing: String,
        /// Whether the other name is registered; if not, it is named by the same order.
        registered: bool,
    },
    /// A file of a registered device is not what its order says now. It is not replaced.
    #[error("{path} {difference}", path = .path.display())]
    FileDiffers {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: FileDifference,
    },
    /// A file is in the place of a new one, and is none of the device that is replaced. It is not replaced.
    #[error("{path} {difference}, and is not replaced", path = .path.display())]
    FileKept {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        difference: FileDifference,
    },
    /// Files of a device whose certificate is not active are missing. They are not made again.
    #[error("device {device_id} is {status}, and {path} is not made again", path = .path.display())]
    NotActive {
        /// The device.
        device_id: DeviceId,
        /// What it is: revoked, suspended, expired.
        status: String,
        /// The first of the missing files.
        path: PathBuf,
    },
}

impl Counted for Conflict {
    fn kind(&self) -> &'static str {
        match self {
            Self::DeviceExists { .. } => "a device that is registered already",
            Self::DeviceDiffers { .. } => "a device that is registered with other content",
            Self::ServiceExists { .. } => "a service that is registered already",
            Self::NameOfService { .. } => "the name of a service",
            Self::NameOfDevice { .. } => "the name of a device",
            Self::NameTaken { .. } => "a name that is registered already",
            Self::BoardSerial { .. } => "a board serial number that another device has",
            Self::PublicKey { .. } => "a public key that is certified already",
            Self::Serial { .. } => "a serial number that exists already",
            Self::NamedTwice { .. } => "a device that is named twice",
            Self::CaseTwin { .. } => "a name that differs from another in case alone",
            Self::FileDiffers { .. } => "a file that is not what its order says",
            Self::FileKept { .. } => "a file that is not the device's",
            Self::NotActive { .. } => "a device whose certificate is not active",
            Self::File { .. } => "a file that exists already",
        }
    }
}
