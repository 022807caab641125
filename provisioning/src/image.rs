//! What is flashed into a device: the credential image of `device_identity::image`, and the files that hold it.

mod file_content;
mod files;
mod intel_hex;
mod judgement;
mod slot;
mod uf2;

pub(crate) use file_content::{FileContent, LONGEST_FILE};
pub(crate) use files::{FileKind, Format, OutputOptions, certificate_name, chain_pem};
pub(crate) use judgement::{Expected, ExpectedKey};
pub(crate) use slot::{ImageContext, KeyLocation, Slot, SlotError};
