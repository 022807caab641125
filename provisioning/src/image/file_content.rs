//! [`FileContent`]: what is in a file that this program writes for a device, told by its content.

use device_identity::image::PrivateKey;
use zeroize::Zeroizing;

use super::{Format, Slot, intel_hex, uf2};
use crate::key::{KeyPair, P256PublicKey};
use crate::pem::{self, Label};

/// The longest file of a device in bytes, and then some: Intel HEX has three characters a byte, UF2 two bytes.
pub(crate) const LONGEST_FILE: u64 = 64 * 1024;

/// What is in a file of a device.
pub(crate) enum FileContent {
    /// An image.
    Image {
        /// How it is written.
        format: Format,
        /// The slot.
        slot: Slot,
        /// Where the file puts the slot, if it says so.
        address: Option<u32>,
        /// The UF2 family.
        family: Option<u32>,
    },
    /// Certificates, in the order of the file.
    Certificates(Vec<Zeroizing<Vec<u8>>>),
    /// A private key (PKCS#8).
    Key(Zeroizing<Vec<u8>>),
}

impl FileContent {
    /// Reads a file; `None` if it is none of these, or damaged.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let image = |format, bytes, address, family| {
            Some(Self::Image { format, slot: Slot::from_existing(bytes)?, address, family })
        };
        if bytes.starts_with(b"CSGN") {
            return image(Format::Bin, Zeroizing::new(bytes.to_vec()), None, None);
        }
        if bytes.starts_with(b"UF2\n") {
            let (address, family, slot) = uf2::decode(bytes)?;
            return image(Format::Uf2, slot, Some(address), family);
        }
        if bytes.starts_with(b":") {
            let (address, slot) = intel_hex::decode(bytes)?;
            return image(Format::Hex, slot, Some(address), None);
        }
        let sections = pem::decode(bytes).ok()?;
        if let [key] = sections.as_slice()
            && key.label == Label::PrivateKey
        {
            return Some(Self::Key(key.der.clone()));
        }
        let certificates =
            !sections.is_empty() && sections.iter().all(|section| section.label == Label::Certificate);
        certificates.then(|| Self::Certificates(sections.into_iter().map(|section| section.der).collect()))
    }

    /// The private key that belongs to this public key, if the file has it.
    pub(crate) fn key_of(&self, public: &P256PublicKey) -> Option<KeyPair> {
        match self {
            Self::Image { slot, .. } => match slot.image()?.key {
                PrivateKey::P256(scalar) => KeyPair::from_scalar(scalar, public),
                PrivateKey::Slot(_) => None,
            },
            Self::Key(pkcs8) => KeyPair::from_file(pkcs8, public),
            Self::Certificates(_) => None,
        }
    }

    /// The slot, if its image has this certificate.
    pub(crate) fn into_slot_with(self, certificate: &[u8]) -> Option<Slot> {
        match self {
            Self::Image { slot, .. } if slot.image()?.certificate == certificate => Some(slot),
            _ => None,
        }
    }

    /// What it is called in messages.
    pub(super) fn format_name(&self) -> &'static str {
        match self {
            Self::Image { format, .. } => format.name(),
            Self::Certificates(_) => "cert.pem",
            Self::Key(_) => "key.pem",
        }
    }
}
