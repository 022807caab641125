//! [`Lock`]: one writer at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Fleet;

/// What a writer is about to do. Two locks, so that a stolen device can be cut off while a long order runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Making certificates and the files that go with them.
    Issuing,
    /// Changing revocations and publishing CRLs.
    Revoking,
}

/// The right to write, for as long as this lives. The operating system takes it back when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the right to write was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("another countersign-provision is writing to this fleet, for more than {waited:?} now")]
    Busy {
        /// How long this one waited.
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

/// How often a waiting writer looks again.
const POLL: Duration = Duration::from_millis(20);

impl Lock {
    /// Waits at most `patience` for the right to write.
    pub fn acquire(fleet: &Fleet, duty: Duty, patience: Duration) -> Result<Self, LockError> {
        let path = fleet.root().join(match duty {
            Duty::Issuing => ".issuing.lock",
            Duty::Revoking => ".revoking.lock",
        });
        let failed = |source| LockError::Io { path: path.clone(), source };
        let file = super::durable::private_options().truncate(false).open(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() >= patience => {
                    return Err(LockError::Busy { waited: patience });
                }
                Err(TryLockError::WouldBlock) => sleep(POLL),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}
