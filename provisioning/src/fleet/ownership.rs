//! Whose a new file is: what root makes in a directory of somebody else belongs to that somebody, so that one command run
//! with sudo does not lock the owner of a fleet out of it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use super::durable::directory_of;

/// The mode of files: only the owner reads and writes.
const PRIVATE_FILE: u32 = 0o600;

/// The mode of directories: only the owner enters.
const PRIVATE_DIRECTORY: u32 = 0o700;

/// Creates a file that only its owner can read, and that did not exist. Its owner is that of the directory.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path)?;
    give_to_owner_of(directory_of(path), &file)?;
    Ok(file)
}

/// Opens a file that only its owner can read, and creates it if it does not exist.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let made = OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE_FILE).open(path);
        match made {
            Ok(file) => {
                give_to_owner_of(directory_of(path), &file)?;
                return Ok(file);
            }
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => {}
            Err(error) => return Err(error),
        }
    }
}

/// Creates a directory, and those above it, that only the owner can enter. An existing directory keeps its mode.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = directory_of(path);
    if above != path && !above.is_dir() {
        create_private_directory(above)?;
    }
    match DirBuilder::new().mode(PRIVATE_DIRECTORY).create(path) {
        Ok(()) => give_to_owner_of(above, &File::open(path)?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a file that was made just now to the owner of `directory`. Only root can; a file system without owners, as that
/// of a stick, says no, and there whoever may read the stick reads the file anyway.
fn give_to_owner_of(directory: &Path, file: &File) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (wanted, has) = (fs::metadata(directory)?, file.metadata()?);
    if wanted.uid() == has.uid() {
        return Ok(());
    }
    match fchown(file, Some(wanted.uid()), Some(wanted.gid())) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}
