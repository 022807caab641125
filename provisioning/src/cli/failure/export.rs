//! Why no files were written for a broker host.

use std::io;

use super::Failure;
use crate::broker::{ConfPathError, ExportError};
use crate::cli::exit_code::{CONFLICT, FAILED, REFUSED, USAGE};

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match &error {
            ExportError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Self::new(
                REFUSED,
                error,
                "make a fleet with `countersign-provision init`, or name one with --fleet",
            ),
            ExportError::Read { path, source } | ExportError::Write { path, source } => {
                Self::io(FAILED, &error, path, source)
            }
            ExportError::Edited { .. } => Self::new(
                CONFLICT,
                error,
                "nothing was changed; move the file away, or leave out --for to replace the other files alone",
            ),
        }
    }
}

impl From<ConfPathError> for Failure {
    fn from(error: ConfPathError) -> Self {
        Self::new(USAGE, error, "give the path on mosquitto's host, from the root")
    }
}
