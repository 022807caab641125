//! [`DeliveryError`]: why files were not delivered.

use std::io;
use std::path::PathBuf;

use crate::registry::{RecordError, RegistryError};

/// Why files were not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// A file or directory cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A new file's name is taken already. Nothing was recorded.
    #[error("{path} exists already, and is not replaced", path = .path.display())]
    Taken {
        /// The file as it would be called.
        path: PathBuf,
    },
    /// The file system of a directory has no such names. Nothing was recorded.
    #[error("{directory} cannot hold a file called {name}: {source}", directory = .directory.display())]
    Unnameable {
        /// The directory.
        directory: PathBuf,
        /// The file's name.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A new file's name was taken while its certificate was being recorded. The certificate is registered.
    #[error(
        "{path} exists already, and is not replaced; the new file is kept as {staged}",
        path = .path.display(),
        staged = .staged.display()
    )]
    Kept {
        /// The file as it would be called.
        path: PathBuf,
        /// Where the new file is.
        staged: PathBuf,
    },
    /// An interrupted command staged files in a directory of this name, which is not the directory that is there now.
    #[error(
        "a command was interrupted while it wrote to {directory}, and the files it staged are not there now",
        directory = .directory.display()
    )]
    Elsewhere {
        /// The directory.
        directory: PathBuf,
        /// Where the files were staged.
        staging: PathBuf,
    },
    /// The directory's name cannot be kept in the registry.
    #[error("the path {path} is not UTF-8", path = .path.display())]
    NotUtf8 {
        /// The directory.
        path: PathBuf,
    },
    /// The registry refused.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl From<RegistryError> for DeliveryError {
    fn from(error: RegistryError) -> Self {
        Self::Record(error.into())
    }
}
