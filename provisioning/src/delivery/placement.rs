//! Giving a staged file its name: [`place`], and [`place_after_interruption`].
//!
//! Where a rename can be told not to replace, it is. Elsewhere the name is first taken by an empty file of our own, which
//! only succeeds if nothing has the name, and the staged file is renamed over it. A kill between the two leaves the empty
//! file, and the staged file beside it says whose it is.

use std::io;
use std::path::Path;

use super::file_system::{FileSystem, Occupant};

/// What became of a staged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// It has its name.
    Placed,
    /// Something else has the name; the file is still staged.
    Taken,
}

/// Gives a staged file its name if nothing has it.
pub(super) fn place(files: &dyn FileSystem, staged: &Path, path: &Path) -> io::Result<Placement> {
    match taken(files.rename_to_free(staged, path)) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        placed => return placed,
    }
    match taken(files.create(path, &[]))? {
        Placement::Placed => files.rename_over(staged, path).map(|()| Placement::Placed),
        Placement::Taken => Ok(Placement::Taken),
    }
}

/// As [`place`], after a command that may have been interrupted between any two of its steps.
pub(super) fn place_after_interruption(
    files: &dyn FileSystem,
    staged: &Path,
    path: &Path,
) -> io::Result<Placement> {
    match taken(files.rename_to_free(staged, path)) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        Ok(Placement::Taken) => return drop_if_same(files, staged, path),
        placed => return placed,
    }
    match taken(files.create(path, &[]))? {
        Placement::Placed => {}
        // Our own file, made before the interruption; or another's, which holds nothing that could be lost.
        Placement::Taken if files.occupant(path)? == Occupant::EmptyFile => {}
        Placement::Taken => return drop_if_same(files, staged, path),
    }
    files.rename_over(staged, path).map(|()| Placement::Placed)
}

/// Removes a staged file if the one that has its name is the same: a rename that lost power half way leaves both names
/// on a file system without a journal.
fn drop_if_same(files: &dyn FileSystem, staged: &Path, path: &Path) -> io::Result<Placement> {
    let (Occupant::File(length), Occupant::File(other)) = (files.occupant(staged)?, files.occupant(path)?)
    else {
        return Ok(Placement::Taken);
    };
    if length != other || *files.read(staged, length)? != *files.read(path, length)? {
        return Ok(Placement::Taken);
    }
    files.remove_file(staged)?;
    Ok(Placement::Placed)
}

fn taken(result: io::Result<()>) -> io::Result<Placement> {
    match result {
        Ok(()) => Ok(Placement::Placed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Placement::Taken),
        Err(error) => Err(error),
    }
}
