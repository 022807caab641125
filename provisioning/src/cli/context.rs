//! [`Context`]: what every command gets besides its arguments.

use std::time::Duration;

use ring::rand::SystemRandom;

use super::failure::Failure;
use crate::fleet::{Claim, Fleet, Lock, LockKind};
use crate::registry::Registry;
use crate::timestamp::Timestamp;

/// What every command gets besides its arguments.
pub(super) struct Context {
    pub(super) fleet: Fleet,
    /// The command, for whoever waits for its locks.
    pub(super) command: String,
    /// How long to wait for a lock.
    pub(super) lock_timeout: Duration,
    pub(super) now: Timestamp,
    pub(super) rng: SystemRandom,
}

impl Context {
    /// Acquires a lock of a fleet that exists.
    pub(super) fn lock(&self, kind: LockKind) -> Result<Lock, Failure> {
        Registry::locate(&self.fleet.registry())?;
        self.lock_without_registry(kind)
    }

    /// Acquires a lock of a fleet whose registry may be lost.
    pub(super) fn lock_without_registry(&self, kind: LockKind) -> Result<Lock, Failure> {
        let claim = Claim { command: &self.command, since: self.now };
        Ok(Lock::acquire(&self.fleet, kind, claim, self.lock_timeout)?)
    }
}
