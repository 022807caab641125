//! [`RestoreError`]: why nothing, or not everything, was put back.

use std::io;
use std::path::{Path, PathBuf};

use super::member::MemberName;
use crate::reconcile::LostRegistryError;
use crate::registry::RegistryError;

/// Why nothing, or not everything, was put back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The backup cannot be read.
    #[error("cannot read {path}: {source}", path = .path.display())]
    Read {
        /// The backup.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no backup, or a damaged one.
    #[error("{path} is no backup, or a damaged one: {fault}", path = .path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ArchiveFault,
    },
    /// A CA certificate in the fleet is not that of the backup.
    #[error("{path} is not that of the backup, which is of another fleet, or it is damaged", path = .path.display())]
    OtherFleet {
        /// The certificate in the fleet.
        path: PathBuf,
    },
    /// A directory with other things in it.
    #[error("{path} is no fleet, and not empty", path = .path.display())]
    NoFleet {
        /// The directory.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The registry of the backup cannot take its place.
    #[error(transparent)]
    Place(#[from] LostRegistryError),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// What is wrong with a backup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveFault {
    /// Not an archive, or cut off within one.
    #[error("{0}")]
    Tar(io::Error),
    /// A member that no fleet has: a link, a path that leads elsewhere.
    #[error("its member {name:?} is no file of a fleet")]
    Member {
        /// Its name, cut to a line.
        name: String,
    },
    /// The same name twice.
    #[error("it has {name} twice")]
    Twice {
        /// The name.
        name: MemberName,
    },
    /// A member that is longer than any file of its kind.
    #[error("{name} is longer than any such file")]
    TooLong {
        /// The name.
        name: MemberName,
    },
    /// More members than are read.
    #[error("it has more than {most} members")]
    TooMany {
        /// How many are read.
        most: usize,
    },
    /// It ends before the digests.
    #[error("its end is missing")]
    End,
    /// Something follows the digests.
    #[error("something follows its end")]
    Trailing,
    /// The digests are not those of the members.
    #[error("its members are not those that were written")]
    Digest,
    /// It has no registry.
    #[error("it has no registry")]
    Registry,
}

/// As the error of an attempt to write `path`.
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> RestoreError + use<> {
    let path = path.to_owned();
    move |source| RestoreError::Write { path, source }
}
