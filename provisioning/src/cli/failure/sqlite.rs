//! What to do about an error of SQLite: by its cause, as for a file.

use rusqlite::{Error, ErrorCode};

use super::Failure;
use super::fleet::LOST_REGISTRY;
use crate::cli::exit_code::{FAILED, REFUSED};

impl Failure {
    /// SQLite did not do what was to be done with the registry.
    pub(in crate::cli) fn sqlite(what: impl ToString, error: &Error) -> Self {
        let (exit_code, help) = help(error.sqlite_error_code());
        Self::new(exit_code, what, help)
    }
}

fn help(code: Option<ErrorCode>) -> (u8, &'static str) {
    match code {
        Some(ErrorCode::DiskFull) => {
            (FAILED, "the file system of the fleet is full: make room there, then run the same command again")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            FAILED,
            "registry.db, or the fleet directory, cannot be written by this user: run this as the fleet's owner, or mount the \
             file system for writing",
        ),
        Some(ErrorCode::CannotOpen) => (
            FAILED,
            "registry.db, or registry.db-wal beside it, cannot be opened by this user: run this as the fleet's owner",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            FAILED,
            "another program has held the registry for too long: end it (`fuser registry.db` names it), then run the same \
             command again",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (REFUSED, LOST_REGISTRY),
        Some(ErrorCode::SystemIoFailure) => (
            FAILED,
            "the disk of the fleet reports a fault: copy what can still be read, and replace it (`dmesg` says more)",
        ),
        Some(ErrorCode::FileLockingProtocolFailed) => {
            (FAILED, "the file system of the fleet does not lock files: keep the fleet on a local disk")
        }
        _ => (FAILED, "this is a fault in countersign-provision; nothing was changed, please report it"),
    }
}
