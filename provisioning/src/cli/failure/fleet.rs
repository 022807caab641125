//! What is wrong with a fleet as a whole.

use std::path::Path;

use super::{FAULT_HELP, Failure};
use crate::authority::Authority;
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED};
use crate::fleet::{Fleet, LockError, directory_of};
use crate::init::InitError;
use crate::registry::RegistryError;

/// What to do about a registry that cannot be used.
pub(super) const LOST_REGISTRY: &str = "move registry.db away, then put it back from a backup: `countersign-provision restore \
                                        FILE`; or from files: `countersign-provision reconcile`";

/// Whether the CAs of a fleet are there whose registry should be at `path`.
fn has_authorities(path: &Path) -> bool {
    let fleet = Fleet::at(directory_of(path));
    Authority::ALL.iter().any(|authority| fleet.authority(*authority).is_dir())
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let (exit_code, help) = match &error {
            RegistryError::Absent { path } if has_authorities(path) => {
                return Self::new(
                    REFUSED,
                    format!(
                        "the registry is lost: {} does not exist, and the CAs beside it do",
                        path.display()
                    ),
                    "`countersign-provision restore FILE` puts it back from a backup, and `countersign-provision reconcile` reads it back \
                     from certificates, images and lists",
                );
            }
            RegistryError::Absent { .. } => {
                (REFUSED, "make a fleet with `countersign-provision init`, or name one with --fleet")
            }
            RegistryError::Version { .. } => {
                (REFUSED, "use the version of countersign-provision that wrote it")
            }
            RegistryError::Damaged { .. } => (REFUSED, LOST_REGISTRY),
            RegistryError::Io { path, source } => return Self::io(FAILED, &error, path, source),
            RegistryError::Sqlite(source) => return Self::sqlite(&error, source),
        };
        Self::new(exit_code, error, help)
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        match &error {
            LockError::Busy { holder: Some(holder), .. } => {
                let help = format!(
                    "wait until it is done, or wait longer with --lock-timeout (`ps -fp {}` shows it)",
                    holder.process
                );
                Self::new(FAILED, error, help)
            }
            LockError::Busy { holder: None, .. } => {
                Self::new(FAILED, error, "wait until it is done, or wait longer with --lock-timeout")
            }
            LockError::Io { path, source } => Self::io(FAILED, &error, path, source),
        }
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        match error {
            InitError::Exists { .. } => {
                Self::new(CONFLICT, error, "name a directory that does not exist yet with --fleet")
            }
            InitError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
            InitError::Registry(error) => error.into(),
            InitError::Crl(error) => error.into(),
            InitError::Issuance(error) => error.into(),
            InitError::Validity(error) => error.into(),
            InitError::Key(_) | InitError::Certificate(_) | InitError::Chain(_) | InitError::Pem(_) => {
                Self::new(FAILED, error, FAULT_HELP)
            }
        }
    }
}
