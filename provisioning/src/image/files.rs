//! The files that hold a device's credentials.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use device_identity::DeviceId;
use zeroize::Zeroizing;

use super::{Slot, intel_hex, uf2};
use crate::key::KeyPair;
use crate::pem::{self, Label, PemError};

/// A file format. [`Format::Pem`] means two files: certificate chain and private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// The bytes of one slot.
    Bin,
    /// Intel HEX: the slot at its address.
    Hex,
    /// UF2: the slot at its address, for drag-and-drop bootloaders.
    Uf2,
    /// `<id>.cert.pem`, and `<id>.key.pem` unless the device made its own key.
    Pem,
}

impl Format {
    /// All formats.
    pub(crate) const ALL: [Self; 4] = [Self::Bin, Self::Hex, Self::Uf2, Self::Pem];

    /// The name on the command line and, of an image, the extension of the file name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bin => "bin",
            Self::Hex => "hex",
            Self::Uf2 => "uf2",
            Self::Pem => "pem",
        }
    }
}

/// No format has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the formats are bin, hex, uf2 and pem")]
pub(crate) struct NoSuchFormat;

impl FromStr for Format {
    type Err = NoSuchFormat;

    fn from_str(text: &str) -> Result<Self, NoSuchFormat> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(NoSuchFormat)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which files are written for a device, and where.
#[derive(Clone, Debug)]
pub(crate) struct OutputOptions {
    /// The directory.
    pub(crate) directory: PathBuf,
    /// The file formats.
    pub(crate) formats: Vec<Format>,
    /// The flash address of the slot in `.hex` and `.uf2` files, in bytes.
    pub(crate) address: u32,
    /// The family id in `.uf2` files, which a bootloader compares with its own.
    pub(crate) uf2_family: Option<u32>,
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
        match format {
            Format::Hex => intel_hex::encode(slot.as_bytes(), self.address),
            Format::Uf2 => uf2::encode(slot.as_bytes(), self.address, self.uf2_family),
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
