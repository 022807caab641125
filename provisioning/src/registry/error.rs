//! Why the registry did not answer.

use std::io;
use std::path::{Path, PathBuf};

/// Why the registry did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is none.
    #[error("there is no fleet here: {path} does not exist", path = .path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// It was written by another version of this program.
    #[error("{path} has schema version {found}, this program knows {known}", path = .path.display())]
    Version {
        /// The registry.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The one this program writes.
        known: i64,
    },
    /// It says something that makes no sense.
    #[error("the registry is damaged: {what}")]
    Damaged {
        /// What makes no sense.
        what: String,
    },
    /// The file cannot be made.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("the registry does not answer: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl RegistryError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
