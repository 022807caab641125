//! What is flashed into a device: the credential image of `device_identity::image`, and the files it is put into.

mod files;
mod intel_hex;
mod uf2;

use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, ImageError, PrivateKey, SLOT_LEN, WriteError};
use zeroize::Zeroizing;

pub use files::{Content, Format, NoSuchFormat, Output, certificate_name, chain_pem};

use crate::broker::Address;
use crate::holder::Holder;
use crate::key::KeyPair;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// What the images of a fleet have in common.
pub struct Surroundings {
    /// The broker CA's root: what a device knows its broker by. The root rather than the issuing CA, so that issuing
    /// CAs can be replaced without touching devices; the broker sends its issuing certificate along.
    pub broker_root: Vec<u8>,
    /// The device CA's root: what a device checks its next certificate by.
    pub device_root: Vec<u8>,
    /// Where the broker is. Devices connect to its first name and expect that name in its certificate.
    pub broker: Address,
    /// When the image was made: the device has existed since then.
    pub time_floor: Timestamp,
}

/// Where the private key of a device is.
pub enum KeyPlace<'a> {
    /// In the image.
    Image(&'a KeyPair),
    /// On the device, in the key slot of this number.
    Slot(u32),
}

/// One slot of flash with a credential image in it: [`SLOT_LEN`] bytes, wiped when this goes away.
pub struct Slot(Zeroizing<Vec<u8>>);

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// The certificate is not a device's.
    #[error("an image needs the certificate of a device")]
    NotADevice,
    /// It cannot be written.
    #[error("the image of {device_id} cannot be written: {fault}")]
    Write {
        /// Whose image.
        device_id: DeviceId,
        /// Why.
        fault: WriteError,
    },
    /// It cannot be read.
    #[error("{0}")]
    Read(ImageError),
    /// It was written and does not read back as the same.
    #[error("the image of {device_id} does not read back as it was written")]
    ReadBack {
        /// Whose image.
        device_id: DeviceId,
    },
}

impl Slot {
    /// Writes the image of a device, and reads it back.
    pub fn write(
        certificate: &VerifiedCertificate,
        key: &KeyPlace<'_>,
        surroundings: &Surroundings,
    ) -> Result<Self, SlotError> {
        let Holder::Device(device_id) = certificate.holder() else { return Err(SlotError::NotADevice) };
        let device_id = device_id.clone();
        let host = surroundings.broker.hosts.first();
        let image = Image {
            device_id: device_id.clone(),
            key: match key {
                KeyPlace::Image(pair) => PrivateKey::P256(pair.scalar()),
                KeyPlace::Slot(number) => PrivateKey::Slot(*number),
            },
            certificate: certificate.der(),
            broker_anchors: Certificates::from_iter([surroundings.broker_root.as_slice()]),
            device_anchors: Certificates::from_iter([surroundings.device_root.as_slice()]),
            broker_host: &host,
            broker_port: surroundings.broker.port.get(),
            server_name: &host,
            time_floor: surroundings.time_floor.unix(),
        };
        let mut slot = Zeroizing::new([0xff; SLOT_LEN]);
        image.write(&mut slot).map_err(|fault| SlotError::Write { device_id: device_id.clone(), fault })?;
        if Image::read(slot.as_slice()).as_ref() != Ok(&image) {
            return Err(SlotError::ReadBack { device_id });
        }
        Ok(Self(Zeroizing::new(slot.to_vec())))
    }

    /// A slot that was written earlier; `None` if it is not this device's with this certificate.
    pub fn existing(bytes: Zeroizing<Vec<u8>>, device_id: &DeviceId, certificate: &[u8]) -> Option<Self> {
        let same = Image::read(&bytes)
            .is_ok_and(|image| image.device_id == *device_id && image.certificate == certificate);
        (same && bytes.len() == SLOT_LEN).then_some(Self(bytes))
    }

    /// The whole slot.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
