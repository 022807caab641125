//! Why the registry did not answer.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the registry did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// The registry does not exist.
    #[error("there is no fleet here: {path} does not exist", path = .path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// Another version of this program wrote the registry.
    #[error("{path} has schema version {found}, this program knows {known}", path = .path.display())]
    Version {
        /// The registry.
        path: PathBuf,
        /// The schema version it has.
        found: i64,
        /// The schema version this program writes.
        known: i64,
    },
    /// A value in the registry is outside its range.
    #[error("the registry is damaged: {what}")]
    Damaged {
        /// Which value, and what is wrong with it.
        what: String,
    },
    /// The registry's file cannot be created, or not be seen.
    #[error("cannot open {path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// SQLite reported an error.
    #[error("the registry does not answer: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl RegistryError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// Whether SQLite had no room for what it wrote.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
