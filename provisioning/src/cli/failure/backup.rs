//! Why there is no backup, or nothing was put back from one.

use super::Failure;
use crate::backup::{BackupError, RestoreError};
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED};

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Exists { .. } => {
                Self::new(CONFLICT, error, "nothing was changed; name a file that does not exist yet")
            }
            BackupError::Read(unreadable) => {
                Self::io(FAILED, &unreadable, &unreadable.path, &unreadable.source)
            }
            BackupError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
            BackupError::Registry(error) => error.into(),
        }
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Read { ref path, ref source } => Self::io(REFUSED, &error, path, source),
            RestoreError::Archive { .. } => Self::new(
                REFUSED,
                error,
                "nothing was changed; give a file that `countersign-provision backup` wrote",
            ),
            RestoreError::OtherFleet { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; name another directory with --fleet or, if the file is damaged, move it away and run \
                 the same command again",
            ),
            RestoreError::NoFleet { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; name a directory that does not exist yet with --fleet",
            ),
            RestoreError::Write { ref path, ref source } => Self::io(FAILED, &error, path, source),
            RestoreError::Place(error) => error.into(),
            RestoreError::Registry(error) => error.into(),
        }
    }
}
