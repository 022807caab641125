//! What is flashed into a device: the credential image of `device_identity::image`, and the files that hold it.

mod address;
mod file_content;
mod files;
mod format;
mod intel_hex;
mod judgement;
mod placement;
mod slot;
mod uf2;
mod uf2_family;

pub(crate) use address::{AddressError, FlashAddress};
pub(crate) use file_content::{FileContent, FileFault, LONGEST_FILE};
pub(crate) use files::{Content, FileKind, OutputOptions, certificate_name, chain_pem};
pub(crate) use format::Format;
pub(crate) use judgement::{Expected, ExpectedKey};
pub(crate) use placement::{Placement, PlacementError};
pub(crate) use slot::{ImageContext, KeyLocation, Slot, SlotError};
pub(crate) use uf2_family::Uf2Family;
