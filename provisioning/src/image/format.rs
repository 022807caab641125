//! [`Format`]: the formats of a device's files.

use std::fmt;
use std::str::FromStr;

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

    /// The format that the first bytes of an image file tell.
    pub(crate) fn detect(bytes: &[u8]) -> Option<Self> {
        let (bin, uf2, hex) = (b"CSGN".as_slice(), b"UF2\n".as_slice(), b":".as_slice());
        let known = [(bin, Self::Bin), (uf2, Self::Uf2), (hex, Self::Hex)];
        known.into_iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| format)
    }

    /// Whether its files say where the slot goes.
    pub(crate) fn has_address(self) -> bool {
        matches!(self, Self::Hex | Self::Uf2)
    }

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
