//! Converting the files of a device: from an image, or from its certificate chain and private key, to any format.
//!
//! An image has all that the other formats have but the certificate of the issuing CA, which a `.cert.pem` needs. That and
//! what an image has beyond a `.cert.pem` and a `.key.pem` (the broker and the trust anchors) are the fleet's.

mod error;
mod origin;
mod source;

use std::path::PathBuf;

use zeroize::Zeroizing;

pub(crate) use error::ConvertError;
pub(crate) use origin::Origin;
pub(crate) use source::Source;

use crate::image::{
    FileKind, FlashAddress, Format, KeyLocation, OutputOptions, Placement, Uf2Family, chain_pem,
};

/// A file of the wanted format.
pub(crate) struct Converted {
    /// What it is.
    pub(crate) kind: FileKind,
    /// Its content.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// What the wanted files are to have, besides what the source has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The format.
    pub(crate) format: Format,
    /// Where the slot goes, if not where the source has it.
    pub(crate) address: Option<FlashAddress>,
    /// The UF2 family, if not that of the source.
    pub(crate) family: Option<Uf2Family>,
    /// The key slot, if the private key is on the device.
    pub(crate) key_slot: Option<u32>,
}

impl Wanted {
    /// Where the slot goes: as wanted, or else as the source has it.
    pub(crate) fn placement(&self, source: &Source) -> Result<Placement, ConvertError> {
        let address = match (self.address, source.address()) {
            (Some(address), _) => address,
            (None, Some(found)) if self.format.has_address() => FlashAddress::new(found)?,
            (None, None) if self.format.has_address() => {
                return Err(ConvertError::NoAddress { format: self.format });
            }
            (None, _) => FlashAddress::default(),
        };
        let family = self.family.or_else(|| source.family().and_then(Uf2Family::new));
        Ok(Placement::new(&[self.format], address, family)?)
    }
}

/// Converts the files of a device. `origin` opens the fleet, where its certificates are needed.
pub(crate) fn convert(
    source: &Source,
    wanted: &Wanted,
    origin: impl FnOnce() -> Result<Origin, ConvertError>,
) -> Result<Vec<Converted>, ConvertError> {
    let placement = wanted.placement(source)?;
    if wanted.format == Format::Pem {
        return pem(source, origin);
    }
    let written;
    let slot = match source {
        Source::Image { slot, .. } => slot,
        Source::Pem { path, certificate, key, .. } => {
            let location = match (key, wanted.key_slot) {
                (Some(key), None) => KeyLocation::Image(key),
                (None, Some(number)) => KeyLocation::Slot(number),
                (Some(_), Some(_)) => return Err(ConvertError::KeyTwice { path: path.clone() }),
                (None, None) => return Err(ConvertError::NoKey { path: path.clone() }),
            };
            written = origin()?.slot(path, certificate, &location)?;
            &written
        }
    };
    let options = OutputOptions { directory: PathBuf::new(), formats: Vec::new(), placement };
    let content = options.image(wanted.format, slot);
    Ok(vec![Converted { kind: FileKind::Image(wanted.format), content }])
}

fn pem(
    source: &Source,
    origin: impl FnOnce() -> Result<Origin, ConvertError>,
) -> Result<Vec<Converted>, ConvertError> {
    let (chain, key) = match source {
        Source::Pem { certificate, issuing, key, .. } => (chain_pem(certificate, issuing)?, key),
        Source::Image { path, certificate, key, .. } => {
            (chain_pem(certificate, origin()?.issuing_of(path, certificate)?)?, key)
        }
    };
    let mut files =
        vec![Converted { kind: FileKind::Certificate, content: Zeroizing::new(chain.into_bytes()) }];
    if let Some(key) = key {
        let content = Zeroizing::new(key.pem()?.as_bytes().to_vec());
        files.push(Converted { kind: FileKind::Key, content });
    }
    Ok(files)
}
