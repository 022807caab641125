//! [`FileSystem`]: what delivery asks of a file system, and [`OperatingSystem`], which is one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::fleet::{create_private, create_private_directory, move_over, read_regular};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// Nothing has this name.
    Nothing,
    /// A file without content.
    EmptyFile,
    /// A file with content, of this length.
    File(u64),
    /// A directory, a link, a pipe or a device.
    Other,
}

/// What delivery asks of a file system.
pub(crate) trait FileSystem: Sync {
    /// Creates a directory, and those above it, that only the owner can enter. An existing one stays as it is.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// The one absolute name of an existing directory.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;
    /// The names in a directory.
    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;
    /// What is at a path; a link is not followed.
    fn occupant(&self, path: &Path) -> io::Result<Occupant>;
    /// Reads a file of at most `longest` bytes.
    fn read(&self, path: &Path, longest: u64) -> io::Result<Zeroizing<Vec<u8>>>;
    /// Creates a file that only the owner can read. A name that is taken is [`io::ErrorKind::AlreadyExists`].
    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    /// Makes these files of a directory durable, with their names.
    fn sync(&self, directory: &Path, files: &[PathBuf]) -> io::Result<()>;
    /// Renames a file to a name that nothing has; a name that is taken is [`io::ErrorKind::AlreadyExists`]. A file system
    /// that cannot promise that says [`io::ErrorKind::Unsupported`] and does nothing.
    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames a file, replacing the file of this name, whose owner and mode it gets.
    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;
}

/// The file systems of this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperatingSystem;

/// The least number of files for which one `syncfs` is cheaper than an `fsync` of each; with fewer, `syncfs` would
/// mostly wait for what other programs write to the same file system.
const SYNCFS_MIN_FILES: usize = 16;

impl FileSystem for OperatingSystem {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        create_private_directory(path)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }

    fn occupant(&self, path: &Path) -> io::Result<Occupant> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => Ok(Occupant::Other),
            Ok(found) if found.len() == 0 => Ok(Occupant::EmptyFile),
            Ok(found) => Ok(Occupant::File(found.len())),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Occupant::Nothing),
                _ => Err(error),
            },
        }
    }

    fn read(&self, path: &Path, longest: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(read_regular(path, usize::try_from(longest).unwrap_or(usize::MAX))?)
    }

    fn create(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        create_private(path)?.write_all(content)
    }

    fn sync(&self, directory: &Path, files: &[PathBuf]) -> io::Result<()> {
        if files.len() < SYNCFS_MIN_FILES || !sync_file_system(directory)? {
            for file in files {
                File::open(file)?.sync_all()?;
            }
        }
        match File::open(directory)?.sync_all() {
            // CIFS and some FUSE file systems have no call for the names in a directory.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    fn rename_to_free(&self, from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // EINVAL is what a file system without the flag says (vfat before Linux 6.0, NFS, FUSE); ENOSYS, an older
            // kernel.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(io::ErrorKind::Unsupported.into()),
            renamed => Ok(renamed?),
        }
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        move_over(from, to).map(drop)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// Syncs the file system of `path`; `false` where there is no such call. Since Linux 5.8 `syncfs` reports a write error
/// of any file.
#[cfg(target_os = "linux")]
fn sync_file_system(path: &Path) -> io::Result<bool> {
    rustix::fs::syncfs(File::open(path)?)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_path: &Path) -> io::Result<bool> {
    Ok(false)
}
