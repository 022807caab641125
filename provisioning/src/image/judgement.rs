//! [`Expected`]: what a file of a registered device is to hold, and how one that exists differs from it.

use device_identity::DeviceId;
use device_identity::image::PrivateKey;

use super::{FileContent, FileKind, Format, Placement, Slot, Uf2Family};
use crate::conflict::FileDifference;
use crate::key::P256PublicKey;

/// Where the private key is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpectedKey {
    /// In the file.
    File,
    /// On the device, in the key slot of this number.
    Slot(u32),
}

/// What a file of a registered device is to hold: the registry's certificate, and the options of the order.
pub(crate) struct Expected<'a> {
    /// The device.
    pub(crate) device_id: &'a DeviceId,
    /// Its registered certificate (DER).
    pub(crate) certificate: &'a [u8],
    /// The public key in it.
    pub(crate) public_key: &'a P256PublicKey,
    /// Where its private key is.
    pub(crate) key: ExpectedKey,
    /// Where the slot is put.
    pub(crate) placement: Placement,
}

impl Expected<'_> {
    /// How the content of a file that is to be of this kind differs; `None` if it does not.
    pub(crate) fn difference(&self, kind: FileKind, bytes: &[u8]) -> Option<FileDifference> {
        if bytes.is_empty() {
            return Some(FileDifference::Empty);
        }
        let Ok(content) = FileContent::read(bytes) else { return Some(FileDifference::Damaged) };
        let other_format = |wanted| FileDifference::Format { found: content.format_name(), wanted };
        match (kind, &content) {
            (FileKind::Image(wanted), FileContent::Image { format, slot, address, family }) => {
                if *format != wanted {
                    return Some(other_format(wanted.name()));
                }
                self.slot_difference(slot, &content)
                    .or_else(|| self.placement_difference(wanted, *address, *family))
            }
            (FileKind::Certificate, FileContent::Certificates(certificates)) => {
                let same = certificates.first().is_some_and(|leaf| leaf.as_slice() == self.certificate);
                (!same || certificates.len() != 2).then_some(FileDifference::Certificate)
            }
            (FileKind::Key, FileContent::Key(_)) => {
                content.key_of(self.public_key).is_none().then_some(FileDifference::Key)
            }
            (FileKind::Image(wanted), _) => Some(other_format(wanted.name())),
            (FileKind::Certificate, _) => Some(other_format("cert.pem")),
            (FileKind::Key, _) => Some(other_format("key.pem")),
        }
    }

    fn slot_difference(&self, slot: &Slot, content: &FileContent) -> Option<FileDifference> {
        let Some(image) = slot.image() else { return Some(FileDifference::Damaged) };
        if image.device_id != *self.device_id {
            return Some(FileDifference::Device { found: image.device_id.to_string() });
        }
        if image.certificate != self.certificate {
            return Some(FileDifference::Certificate);
        }
        let (in_image, on_device) = ("in the image", "on the device");
        match (image.key, self.key) {
            (PrivateKey::P256(_), ExpectedKey::File) => {
                content.key_of(self.public_key).is_none().then_some(FileDifference::Key)
            }
            (PrivateKey::Slot(found), ExpectedKey::Slot(wanted)) => {
                (found != wanted).then_some(FileDifference::KeySlot { found, wanted })
            }
            (PrivateKey::P256(_), ExpectedKey::Slot(_)) => {
                Some(FileDifference::KeyPlace { found: in_image, wanted: on_device })
            }
            (PrivateKey::Slot(_), ExpectedKey::File) => {
                Some(FileDifference::KeyPlace { found: on_device, wanted: in_image })
            }
        }
    }

    fn placement_difference(
        &self,
        format: Format,
        address: Option<u32>,
        family: Option<u32>,
    ) -> Option<FileDifference> {
        let wanted = (self.placement.address.get(), self.placement.family.map(Uf2Family::number));
        match address {
            Some(found) if found != wanted.0 => Some(FileDifference::Address { found, wanted: wanted.0 }),
            _ if format == Format::Uf2 && family != wanted.1 => {
                Some(FileDifference::Family { found: family, wanted: wanted.1 })
            }
            _ => None,
        }
    }
}
