//! [`Slot`]: a credential image in a flash slot.

use device_identity::DeviceId;
use device_identity::image::{Certificates, Image, ImageError, MAX_LEN, PrivateKey, SLOT_LEN, WriteError};
use zeroize::Zeroizing;

use crate::broker::Address;
use crate::certificate_subject::CertificateSubject;
use crate::key::KeyPair;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// A byte of erased flash.
const ERASED: u8 = 0xff;

/// What all images of a batch have in common.
pub(crate) struct ImageContext {
    /// The root of the broker CA (DER): the device's trust anchor for the broker. The root rather than the issuing CA,
    /// so that issuing CAs can be replaced without touching devices; the broker sends its issuing certificate in the
    /// handshake.
    pub(crate) broker_root: Vec<u8>,
    /// The root of the device CA (DER): the device's trust anchor for its own next certificate.
    pub(crate) device_root: Vec<u8>,
    /// The broker's host names and port. Devices connect to the first name and expect it in the broker's certificate.
    pub(crate) broker: Address,
    /// The time of issuance. The device refuses a certificate whose `notAfter` is earlier.
    pub(crate) time_floor: Timestamp,
}

/// Where a device's private key is.
pub(crate) enum KeyLocation<'a> {
    /// In the image.
    Image(&'a KeyPair),
    /// In the device's key slot of this number.
    Slot(u32),
}

/// A flash slot that holds a credential image: [`SLOT_LEN`] bytes, zeroized on drop.
pub(crate) struct Slot(Zeroizing<Vec<u8>>);

/// Why no image was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SlotError {
    /// The certificate is not for a device.
    #[error("an image needs the certificate of a device")]
    NotADevice,
    /// The image cannot be encoded, for instance because it does not fit the slot.
    #[error("the image of {device_id} cannot be written: {fault}")]
    Write {
        /// The device.
        device_id: DeviceId,
        /// The encoder's error.
        fault: WriteError,
    },
    /// The encoded image does not decode to the same.
    #[error("the image of {device_id} does not read back as it was written")]
    ReadBack {
        /// The device.
        device_id: DeviceId,
    },
}

/// Why bytes are no slot that was written earlier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExistingSlotError {
    /// They hold no image, or a damaged one.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// They hold an image, and are no slot.
    #[error("the credential image is whole, but a slot has {SLOT_LEN} bytes and here are {length}")]
    Length {
        /// How many there are.
        length: usize,
    },
    /// They hold an image, and what a device keeps behind it.
    #[error(
        "the credential image is whole, but byte {offset} is not erased: a device that used the slot has its state there, \
         and a file to be flashed has not"
    )]
    State {
        /// The first byte that is not erased.
        offset: usize,
    },
}

impl Slot {
    /// Encodes the image of a device, and decodes it again as a check.
    pub(crate) fn write(
        certificate: &VerifiedCertificate,
        key: &KeyLocation<'_>,
        image_context: &ImageContext,
    ) -> Result<Self, SlotError> {
        let CertificateSubject::Device(device_id) = certificate.subject() else {
            return Err(SlotError::NotADevice);
        };
        let device_id = device_id.clone();
        let host = image_context.broker.hosts.first();
        let image = Image {
            device_id: device_id.clone(),
            key: match key {
                KeyLocation::Image(pair) => PrivateKey::P256(pair.scalar()),
                KeyLocation::Slot(number) => PrivateKey::Slot(*number),
            },
            certificate: certificate.der(),
            broker_anchors: Certificates::from_iter([image_context.broker_root.as_slice()]),
            device_anchors: Certificates::from_iter([image_context.device_root.as_slice()]),
            broker_host: &host,
            broker_port: image_context.broker.port.get(),
            server_name: &host,
            time_floor: image_context.time_floor.unix(),
        };
        let mut slot = Zeroizing::new([ERASED; SLOT_LEN]);
        image.write(&mut slot).map_err(|fault| SlotError::Write { device_id: device_id.clone(), fault })?;
        if Image::read(slot.as_slice()).as_ref() != Ok(&image) {
            return Err(SlotError::ReadBack { device_id });
        }
        Ok(Self(Zeroizing::new(slot.to_vec())))
    }

    /// A slot that was written earlier.
    pub(crate) fn from_existing(bytes: Zeroizing<Vec<u8>>) -> Result<Self, ExistingSlotError> {
        Image::read(&bytes)?;
        if bytes.len() != SLOT_LEN {
            return Err(ExistingSlotError::Length { length: bytes.len() });
        }
        match bytes.iter().skip(MAX_LEN).position(|&byte| byte != ERASED) {
            None => Ok(Self(bytes)),
            Some(position) => Err(ExistingSlotError::State { offset: MAX_LEN + position }),
        }
    }

    /// The slot as it was before a device used it. `bytes` are those of the slot now.
    pub(crate) fn before_use(bytes: &[u8]) -> Result<Self, ExistingSlotError> {
        let mut bytes = Zeroizing::new(bytes.to_vec());
        bytes.iter_mut().skip(MAX_LEN).for_each(|byte| *byte = ERASED);
        Self::from_existing(bytes)
    }

    /// The image in the slot.
    pub(crate) fn image(&self) -> Option<Image<'_>> {
        Image::read(&self.0).ok()
    }

    /// The device that the image is for, and its certificate (DER).
    pub(crate) fn holder(&self) -> Option<(DeviceId, &[u8])> {
        self.image().map(|image| (image.device_id, image.certificate))
    }

    /// The bytes of the slot.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
