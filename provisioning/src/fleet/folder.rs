//! [`Folder`]: a directory from which files are read that somebody else names.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use zeroize::Zeroizing;

use super::limited_read::{ReadError, regular_to_limit};

/// A directory from which files are read that somebody else names, in an order say: regular files below it, and nothing
/// that a link or `..` finds elsewhere.
pub(crate) struct Folder {
    path: PathBuf,
    /// The same without links.
    real: PathBuf,
}

impl Folder {
    /// The directory at this path.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Ok(Self { path: path.to_owned(), real: fs::canonicalize(path)? })
    }

    /// The path of a file in it, for error messages.
    pub(crate) fn join(&self, name: &Path) -> PathBuf {
        if self.path == Path::new(".") { name.to_owned() } else { self.path.join(name) }
    }

    /// Reads a regular file below the directory, to a limit.
    pub(crate) fn read(&self, name: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let real = fs::canonicalize(self.path.join(name))?;
        let below = real.strip_prefix(&self.real).map_err(|_| ReadError::Outside)?;
        regular_to_limit(self.open(below)?, limit)
    }

    /// Opens step by step without following links, so that none can be put in the way after the path was looked at.
    fn open(&self, below: &Path) -> Result<File, ReadError> {
        let steps = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut at =
            openat(CWD, &self.real, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(io::Error::from)?;
        for step in below.components() {
            let Component::Normal(step) = step else { return Err(ReadError::Outside) };
            at = openat(&at, step, steps, Mode::empty()).map_err(io::Error::from)?;
        }
        Ok(File::from(at))
    }
}
