//! Why no files were written for a broker host.

use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::broker::{self, ConfPathError, ExportError};
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
        }
    }
}

impl Failure {
    /// Configurations at the broker's were edited, and the new ones were written beside them.
    pub(in crate::cli) fn edited(paths: &[PathBuf]) -> Self {
        let list =
            |path: fn(&Path) -> String| paths.iter().map(|item| path(item)).collect::<Vec<_>>().join(", ");
        Self::new(
            CONFLICT,
            format!(
                "{} differs from what this program writes, and was left alone",
                list(|path| path.display().to_string())
            ),
            format!(
                "the other files were copied; take over what you want of {}, or move the edited file away and run this \
                 again; from day to day `export-broker --crl-only` copies the lists alone",
                list(|path| broker::beside(path).display().to_string())
            ),
        )
    }
}

impl From<ConfPathError> for Failure {
    fn from(error: ConfPathError) -> Self {
        Self::new(USAGE, error, "give the path on mosquitto's host, from the root")
    }
}
