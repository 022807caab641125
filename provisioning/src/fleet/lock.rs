//! [`Lock`]: one writer of each kind at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Fleet;
use super::ownership::open_private;
use crate::timestamp::Timestamp;

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
    file: File,
}

/// Who asks for a lock; whoever has to wait is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    /// The command, as on the command line.
    pub(crate) command: &'a str,
    /// When it was started.
    pub(crate) since: Timestamp,
}

/// Who holds a lock, by the lock's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The process.
    pub(crate) process: u32,
    /// Its command, and since when it runs.
    command: String,
}

/// Why a lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Another process holds it.
    #[error("another countersign-provision is writing to this fleet, for more than {waited:?} now{}", described(.holder.as_ref()))]
    Busy {
        /// Who holds it, if the lock's file says.
        holder: Option<Holder>,
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
    pub(crate) fn acquire(
        fleet: &Fleet,
        kind: LockKind,
        claim: Claim<'_>,
        timeout: Duration,
    ) -> Result<Self, LockError> {
        let path = fleet.root().join(match kind {
            LockKind::Issuing => ".issuing.lock",
            LockKind::Revoking => ".revoking.lock",
        });
        let failed = |source| LockError::Io { path: path.clone(), source };
        let mut file = open_private(&path).map_err(failed)?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => {
                    // Only for whoever waits: a full disk is no reason to do nothing.
                    let _ = claim.write(&mut file);
                    return Ok(Self { file });
                }
                Err(TryLockError::WouldBlock) if started.elapsed() >= timeout => {
                    return Err(LockError::Busy { holder: Holder::read(&mut file), waited: timeout });
                }
                Err(TryLockError::WouldBlock) => sleep(POLL_INTERVAL),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Otherwise the next holder would be taken for this one for a moment.
        let _ = self.file.set_len(0);
    }
}

impl Claim<'_> {
    fn write(&self, file: &mut File) -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {} since {}", std::process::id(), self.command, self.since)
    }
}

impl Holder {
    /// The longest text that is read, in bytes.
    const MAX_LEN: u64 = 128;

    /// Reads what [`Claim::write`] wrote; `None` if there is nothing of the kind, as in a file of an earlier version.
    fn read(file: &mut File) -> Option<Self> {
        file.rewind().ok()?;
        let mut text = String::new();
        file.take(Self::MAX_LEN).read_to_string(&mut text).ok()?;
        let (process, command) = text.strip_suffix('\n')?.split_once(' ')?;
        let plain = command.chars().all(|character| character.is_ascii_graphic() || character == ' ');
        plain.then_some(())?;
        Some(Self { process: process.parse().ok()?, command: command.to_owned() })
    }
}

fn described(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(": process {}, {}", holder.process, holder.command))
}
