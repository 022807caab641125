//! [`FileContent`]: what is in a file that this program writes for a device, told by its content.

use device_identity::image::{Image, PrivateKey};
use zeroize::Zeroizing;

use super::intel_hex::{self, HexFault};
use super::slot::ExistingSlotError;
use super::uf2::{self, Uf2Fault};
use super::{Format, Slot};
use crate::key::{KeyPair, P256PublicKey};
use crate::pem::{self, Label, PemError, Section};

/// The longest file of a device in bytes, and then some: Intel HEX has three characters a byte, UF2 two bytes.
pub(crate) const LONGEST_FILE: usize = 64 * 1024;

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

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileFault {
    /// It is no Intel HEX, or damaged.
    #[error(transparent)]
    Hex(#[from] HexFault),
    /// It is no UF2, or damaged.
    #[error(transparent)]
    Uf2(#[from] Uf2Fault),
    /// It holds no slot.
    #[error(transparent)]
    Slot(#[from] ExistingSlotError),
    /// It is damaged PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// It is PEM, of neither certificates alone nor a single private key.
    #[error("it holds neither certificates alone nor a single private key")]
    Sections,
}

impl FileContent {
    /// Reads a file, whose format its first bytes tell.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, FileFault> {
        Self::read_as(Format::detect(bytes).unwrap_or(Format::Pem), bytes)
    }

    /// Reads a file that is to have this format.
    pub(crate) fn read_as(format: Format, bytes: &[u8]) -> Result<Self, FileFault> {
        let image = |bytes, address, family| -> Result<Self, FileFault> {
            Ok(Self::Image { format, slot: Slot::from_existing(bytes)?, address, family })
        };
        match format {
            Format::Bin => image(Zeroizing::new(bytes.to_vec()), None, None),
            Format::Uf2 => {
                let (address, family, slot) = uf2::decode(bytes)?;
                image(slot, Some(address), family)
            }
            Format::Hex => {
                let (address, slot) = intel_hex::decode(bytes)?;
                image(slot, Some(address), None)
            }
            Format::Pem => Self::from_sections(pem::decode(bytes)?),
        }
    }

    /// As [`FileContent::read_as`], but a slot that a device has used is read too: whether it was used is said.
    pub(crate) fn read_back(format: Format, bytes: &[u8]) -> Result<(Self, bool), FileFault> {
        match Self::read_as(format, bytes) {
            Err(FileFault::Slot(ExistingSlotError::State { .. })) if format == Format::Bin => {
                let slot = Slot::before_use(bytes)?;
                Ok((Self::Image { format, slot, address: None, family: None }, true))
            }
            read => Ok((read?, false)),
        }
    }

    fn from_sections(sections: Vec<Section>) -> Result<Self, FileFault> {
        if let [key] = sections.as_slice()
            && key.label == Label::PrivateKey
        {
            return Ok(Self::Key(key.der.clone()));
        }
        if sections.is_empty() || sections.iter().any(|section| section.label != Label::Certificate) {
            return Err(FileFault::Sections);
        }
        Ok(Self::Certificates(sections.into_iter().map(|section| section.der).collect()))
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

    /// The image, if it is one.
    pub(crate) fn image(&self) -> Option<Image<'_>> {
        match self {
            Self::Image { slot, .. } => slot.image(),
            Self::Certificates(_) | Self::Key(_) => None,
        }
    }

    /// The certificates in it: of an image, the device's.
    pub(crate) fn certificates(&self) -> Vec<&[u8]> {
        match self {
            Self::Image { slot, .. } => slot.image().into_iter().map(|image| image.certificate).collect(),
            Self::Certificates(certificates) => {
                certificates.iter().map(|certificate| certificate.as_slice()).collect()
            }
            Self::Key(_) => Vec::new(),
        }
    }

    /// Whether it is an image that names a key slot of the device instead of a private key.
    pub(crate) fn names_key_slot(&self) -> bool {
        match self {
            Self::Image { slot, .. } => {
                slot.image().is_some_and(|image| matches!(image.key, PrivateKey::Slot(_)))
            }
            Self::Certificates(_) | Self::Key(_) => false,
        }
    }

    /// The broker's host name and port in an image.
    pub(crate) fn broker(&self) -> Option<(String, u16)> {
        match self {
            Self::Image { slot, .. } => {
                slot.image().map(|image| (image.broker_host.to_owned(), image.broker_port))
            }
            Self::Certificates(_) | Self::Key(_) => None,
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
