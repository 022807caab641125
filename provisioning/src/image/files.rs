//! The files that hold a device's credentials.

use std::path::PathBuf;

use device_identity::DeviceId;
use zeroize::Zeroizing;

use super::{Format, Placement, Slot, Uf2Family, intel_hex, uf2};
use crate::key::KeyPair;
use crate::pem::{self, Label, PemError};

/// Which files are written for a device, and where.
#[derive(Clone, Debug)]
pub(crate) struct OutputOptions {
    /// The directory.
    pub(crate) directory: PathBuf,
    /// The file formats.
    pub(crate) formats: Vec<Format>,
    /// Where `.hex` and `.uf2` files put the slot.
    pub(crate) placement: Placement,
}

/// The content of a file, zeroized on drop: most of them hold a key.
pub(crate) type Content = Zeroizing<Vec<u8>>;

/// What a file of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// An image.
    Image(Format),
    /// The certificate chain in PEM.
    Certificate,
    /// The private key in PEM.
    Key,
}

impl FileKind {
    /// Those that may hold a private key, in the order in which one is looked for: an image has more than the key.
    pub(crate) const WITH_KEY: [Self; 4] =
        [Self::Image(Format::Bin), Self::Image(Format::Hex), Self::Image(Format::Uf2), Self::Key];

    /// The name of a device's file of this kind.
    pub(crate) fn file_name(self, device_id: &DeviceId) -> String {
        match self {
            Self::Image(format) => format!("{device_id}.{format}"),
            Self::Certificate => certificate_name(device_id),
            Self::Key => key_name(device_id),
        }
    }
}

impl OutputOptions {
    /// The kinds of files a device is to have.
    pub(crate) fn kinds(&self, key_made_here: bool) -> Vec<FileKind> {
        let mut kinds = Vec::new();
        for &format in &self.formats {
            if format == Format::Pem {
                kinds.push(FileKind::Certificate);
                kinds.extend(key_made_here.then_some(FileKind::Key));
            } else {
                kinds.push(FileKind::Image(format));
            }
        }
        kinds
    }

    /// The names of a device's files.
    pub(crate) fn names(&self, device_id: &DeviceId, key_made_here: bool) -> Vec<String> {
        self.kinds(key_made_here).into_iter().map(|kind| kind.file_name(device_id)).collect()
    }

    /// The names and contents of a device's files. `leaf` and `issuing` are DER; `key` is `None` if the device made its
    /// own.
    pub(crate) fn files(
        &self,
        device_id: &DeviceId,
        slot: &Slot,
        (leaf, issuing): (&[u8], &[u8]),
        key: Option<&KeyPair>,
    ) -> Result<Vec<(String, Content)>, PemError> {
        let mut files = Vec::new();
        for &format in &self.formats {
            if format != Format::Pem {
                files.push((format!("{device_id}.{format}"), self.image(format, slot)));
                continue;
            }
            files.push((certificate_name(device_id), Zeroizing::new(chain_pem(leaf, issuing)?.into_bytes())));
            if let Some(key) = key {
                files.push((key_name(device_id), Zeroizing::new(key.pem()?.as_bytes().to_vec())));
            }
        }
        Ok(files)
    }

    /// The content of an image file. [`Format::Pem`] is no image and gives the bare slot.
    pub(crate) fn image(&self, format: Format, slot: &Slot) -> Content {
        let Placement { address, family } = self.placement;
        match format {
            Format::Hex => intel_hex::encode(slot.as_bytes(), address.get()),
            Format::Uf2 => uf2::encode(slot.as_bytes(), address.get(), family.map(Uf2Family::number)),
            Format::Bin | Format::Pem => Zeroizing::new(slot.as_bytes().to_vec()),
        }
    }
}

/// The name of a device's certificate file.
pub(crate) fn certificate_name(device_id: &DeviceId) -> String {
    format!("{device_id}.cert.pem")
}

fn key_name(device_id: &DeviceId) -> String {
    format!("{device_id}.key.pem")
}

/// A certificate file: the leaf, then the issuing certificate.
pub(crate) fn chain_pem(leaf: &[u8], issuing: &[u8]) -> Result<String, PemError> {
    let (leaf, issuing) = (pem::encode(Label::Certificate, leaf)?, pem::encode(Label::Certificate, issuing)?);
    Ok(format!("{}{}", leaf.as_str(), issuing.as_str()))
}
