//! [`Context`]: what every command gets besides its arguments.

use std::time::Duration;

use ring::rand::SystemRandom;

use super::failure::Failure;
use crate::fleet::{Fleet, Lock, LockKind};
use crate::registry::RegistryError;
use crate::timestamp::Timestamp;

/// What every command gets besides its arguments.
pub(super) struct Context {
    pub(super) fleet: Fleet,
    /// How long to wait for a lock.
    pub(super) lock_timeout: Duration,
    pub(super) now: Timestamp,
    pub(super) rng: SystemRandom,
}

impl Context {
    /// Acquires a lock of a fleet that exists.
    pub(super) fn lock(&self, kind: LockKind) -> Result<Lock, Failure> {
        let registry = self.fleet.registry();
        if !registry.is_file() {
            return Err(RegistryError::Absent { path: registry }.into());
        }
        Ok(Lock::acquire(&self.fleet, kind, self.lock_timeout)?)
    }
}
