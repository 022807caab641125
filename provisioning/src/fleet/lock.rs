//! [`Lock`]: one writer of each kind at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Fleet;

/// The two locks of a fleet. They are separate so that a device can be revoked while a long order runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// For issuing certificates and writing their files.
    Issuing,
    /// For changing revocations and publishing CRLs.
    Revoking,
}

/// A lock that is held until this is dropped. The operating system releases it when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why a lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process holds it.
    #[error("another countersign-provision is writing to this fleet, for more than {waited:?} now")]
    Busy {
        /// How long this process waited.
        waited: Duration,
    },
    /// The lock file cannot be opened or locked.
    #[error("cannot lock {path}: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// How often a waiting process tries again.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl Lock {
    /// Acquires a lock, waiting for at most `timeout`.
    pub(crate) fn acquire(fleet: &Fleet, kind: LockKind, timeout: Duration) -> Result<Self, LockError> {
        let path = fleet.root().join(match kind {
            LockKind::Issuing => ".issuing.lock",
            LockKind::Revoking => ".revoking.lock",
        });
        let failed = |source| LockError::Io { path: path.clone(), source };
        let file = super::durable::private_options().truncate(false).open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() >= timeout => {
                    return Err(LockError::Busy { waited: timeout });
                }
                Err(TryLockError::WouldBlock) => sleep(POLL_INTERVAL),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}
