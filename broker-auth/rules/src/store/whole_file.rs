//! Files that are there whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces `file` in one step: a crash leaves the old contents or the new ones. Its directory is made if there is none.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = file.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(directory)?;
    let staged = file.with_extension("json.new");
    let mut new = File::create(&staged)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&staged, file)?;
    File::open(directory)?.sync_all()
}

/// What is in `file`, or `None` if there is none.
///
/// # Errors
/// It is there and cannot be read.
pub(crate) fn read_if_there(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
