//! A backup: a fleet in one file, and a fleet from it again.
//!
//! The file is a tar archive that `tar` lists and unpacks, with `SHA256SUMS` as its last member, which `sha256sum -c`
//! checks. It holds the registry as it was at one moment, CA certificates and keys (encrypted as they are), the lists,
//! the broker's files and those of services, and images if they are asked for.

mod contents;
mod digesting;
mod member;
mod restore_error;
mod restoring;
mod unpacking;
mod writing;

pub(crate) use member::MemberName;
pub(crate) use restore_error::RestoreError;
pub(crate) use restoring::{Restored, restore, restore_new};
pub(crate) use writing::{BackupError, BackupReport, back_up};
