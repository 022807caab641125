//! Writing files that only their owner can read, as a whole or not at all, and durably.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The mode of files: only the owner reads and writes.
const PRIVATE_FILE: u32 = 0o600;

/// The mode of directories: only the owner enters.
const PRIVATE_DIRECTORY: u32 = 0o700;

/// Options to write a file that only the owner can read.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(PRIVATE_FILE);
    options
}

/// Creates a directory, and those above it, that only the owner can enter. An existing directory keeps its mode.
pub(crate) fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIRECTORY).create(path)
}

/// The directory of a file; of a bare file name, the current directory.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    }
}

/// Makes the file names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes a file that only the owner can read, replacing what was there as a whole.
///
/// The content is on disk before the name points at it, and the name before this returns.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}.draft", std::process::id()));
    let written = write_new(&draft, content).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The first error is the one to report; a draft that stays is overwritten by the next process of this id.
        let _ = fs::remove_file(&draft);
    }
    written?;
    sync_directory(directory)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    // A draft left by a crash is not opened but replaced: it may have another mode.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = private_options().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}
