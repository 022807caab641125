//! Files that appear only once the registry knows their certificates, and that replace nothing.
//!
//! A private key generated here is in its files and nowhere else, so no order of writing is harmless: a file the registry
//! does not know is a device nobody can revoke, and a registered device without its file is a lost board. Hence:
//!
//! 1. files are written to `.staging/` in their directory, named `<serial>.<name>`, and synced;
//! 2. the registry commits the serials;
//! 3. the files are renamed, each to a name that nothing has.
//!
//! Whatever stops the process, [`recover`] finishes: a staged file whose serial is registered is renamed, any other is
//! removed. Whether a name is taken is decided by the file system that keeps the names, not by comparing them here: on a
//! stick without case, `pump-1.bin` is where `Pump-1.bin` is. A staged file whose name is taken stays where it is.

mod copies;
#[cfg(test)]
mod cut_tests;
mod error;
#[cfg(test)]
mod fake_file_system;
mod file_system;
mod name;
mod placement;
mod probe;
mod recovery;
mod staging;

pub(crate) use copies::{CopyOutcome, FileCopy, deliver_copies};
pub(crate) use error::DeliveryError;
pub(crate) use file_system::{FileSystem, Occupant, OperatingSystem};
pub(crate) use name::OnExisting;
pub(crate) use recovery::{Recovery, recover};
pub(crate) use staging::{Delivery, StagedFiles, deliver_into};
