//! Files that are private, whole or absent, and still there after a power cut.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Only the owner reads and writes.
const PRIVATE_FILE: u32 = 0o600;

/// Only the owner enters.
const PRIVATE_DIRECTORY: u32 = 0o700;

pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(PRIVATE_FILE);
    options
}

/// Makes a directory (and those above it) that only the owner can enter. One that is there is left as it is.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIRECTORY).create(path)
}

/// The directory a file is in, also of a bare file name.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file that only the owner can read, replacing what was there as a whole.
///
/// The content is on disk before the name points at it, and the name before this returns.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}.draft", std::process::id()));
    let written = write_new(&draft, content).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to report; a draft that cannot be removed hurts nobody.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_directory(directory)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    // A draft left by a crash may have other permissions than ours.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = private_options().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
