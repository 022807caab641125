//! What is flashed into a device: the credential image of `device_identity::image`, and the files that hold it.

mod files;
mod intel_hex;
mod slot;
mod uf2;

pub(crate) use files::{Format, OutputOptions, certificate_name, chain_pem};
pub(crate) use slot::{ImageContext, KeyLocation, Slot, SlotError};
