//! What is wrong with a fleet as a whole.

use super::{FAULT_HELP, Failure};
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED};
use crate::fleet::LockError;
use crate::init::InitError;
use crate::registry::RegistryError;

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let (exit_code, help) = match &error {
            RegistryError::Absent { .. } => {
                (REFUSED, "make a fleet with `countersign-provision init`, or name one with --fleet")
            }
            RegistryError::Version { .. } => {
                (REFUSED, "use the version of countersign-provision that wrote it")
            }
            RegistryError::Damaged { .. } => (REFUSED, "restore the fleet from a backup"),
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
