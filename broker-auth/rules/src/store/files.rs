//! Reading what CAs and lists come in.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// No file of trust is larger. A revocation list of a million serials with reasons takes 50 MB in DER, 70 in PEM.
const MAX_FILE_LEN: u64 = 256 * 1024 * 1024;

/// The whole of `file`.
///
/// # Errors
/// It cannot be read, or is larger than 256 MiB.
pub fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    let opened = std::fs::File::open(file)?;
    // Room for all of it: a key that is read leaves no pieces behind where the bytes would have had to grow.
    let expected = opened.metadata()?.len().min(MAX_FILE_LEN);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default().saturating_add(1));
    opened.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_LEN {
        return Err(io::Error::other("the file is larger than 256 MiB"));
    }
    Ok(bytes)
}

/// The file itself, or the files in a folder. Names that start with a dot are left alone: writers stage files there.
pub(crate) fn files_of(source: &Path) -> io::Result<Vec<PathBuf>> {
    if !source.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
