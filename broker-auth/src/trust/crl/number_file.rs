//! The highest CRL numbers ever seen, kept across restarts.

use std::path::{Path, PathBuf};

/// The highest CRL number seen of each issuer. Shared by the listeners of a configuration.
#[derive(Debug)]
pub struct CrlNumbers {
    file: Option<PathBuf>,
}

/// Why the record cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum CrlNumbersError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not hold what this program writes.
    #[error("{} is damaged: {detail}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// How.
        detail: String,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl CrlNumbers {
    /// The record in `directory`, to be read and kept.
    pub fn open(directory: &Path) -> Result<Self, CrlNumbersError> {
        Ok(Self { file: Some(directory.join("crl-numbers.json")) })
    }

    /// The record in `directory`, to be read and left as it is: for commands that only look.
    pub fn read_only(directory: &Path) -> Result<Self, CrlNumbersError> {
        Ok(Self { file: None })
    }
}
