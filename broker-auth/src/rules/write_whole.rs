//! Replacing a file in one step.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces `file` in one step: a crash leaves the old contents or the new ones. Its directory is made if there is none.
pub(super) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = file.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(directory)?;
    let staged = file.with_extension("json.new");
    let mut new = File::create(&staged)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&staged, file)?;
    File::open(directory)?.sync_all()
}
