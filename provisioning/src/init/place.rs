//! [`Place`]: where a new fleet goes: a directory that is not there yet, or one that is there and empty.
//!
//! An empty directory may be what it is to the system: a mounted disk, the working directory, behind a link. It cannot be
//! renamed over, so the fleet is written into it, and its parts are then moved up. A second name for the whole draft tells
//! a fleet that is half moved from one that is half written.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, directory_of, sync_directory};

/// A draft in an empty directory, half written.
const DRAFT: &str = ".countersign-init";

/// A draft in an empty directory that is whole, and half moved.
const WHOLE: &str = ".countersign-init-whole";

/// What a file system puts into its root by itself.
const OF_THE_FILE_SYSTEM: &str = "lost+found";

/// A place without a fleet or anything else.
pub(super) enum Place {
    /// There is nothing.
    New(PathBuf),
    /// There is an empty directory.
    Empty(PathBuf),
}

impl Place {
    /// The place at `path`; `None` if something is there. A fleet that an earlier `init` had made, and not moved to its place
    /// when it was stopped, is moved there now.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Self::New(path.to_owned()))),
            Err(error) if error.kind() == ErrorKind::NotADirectory && path.exists() => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut empty = true;
        for entry in entries {
            let name = entry?.file_name();
            if name == WHOLE {
                move_up(path)?;
                return Ok(None);
            }
            empty &= name == OF_THE_FILE_SYSTEM || name == DRAFT;
        }
        Ok(empty.then(|| Self::Empty(path.to_owned())))
    }

    /// Where the fleet is written. What an interrupted `init` left there is removed: no certificate was issued under its
    /// keys.
    pub(super) fn draft(&self) -> io::Result<PathBuf> {
        let draft = match self {
            Self::New(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                directory_of(path).join(format!(".{name}.countersign-init"))
            }
            Self::Empty(path) => path.join(DRAFT),
        };
        match fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(draft),
        }
    }

    /// Puts the fleet that was written in `draft` into its place.
    pub(super) fn take(&self, draft: &Path) -> io::Result<()> {
        match self {
            Self::New(path) => {
                fs::rename(draft, path)?;
                sync_directory(directory_of(path))
            }
            Self::Empty(path) => {
                fs::rename(draft, path.join(WHOLE))?;
                sync_directory(path)?;
                move_up(path)
            }
        }
    }
}

/// Moves the parts of a whole draft to where they belong, the registry last: there is no fleet without it.
fn move_up(path: &Path) -> io::Result<()> {
    let whole = path.join(WHOLE);
    let registry = Fleet::at(&whole).registry();
    for entry in fs::read_dir(&whole)? {
        let entry = entry?;
        if entry.path() != registry {
            fs::rename(entry.path(), path.join(entry.file_name()))?;
        }
    }
    sync_directory(path)?;
    if registry.exists() {
        fs::rename(&registry, Fleet::at(path).registry())?;
    }
    fs::remove_dir(&whole)?;
    sync_directory(path)
}
