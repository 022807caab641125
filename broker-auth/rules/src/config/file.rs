//! The file of a configuration.

use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigFault};

/// A configuration is written by people; a larger file is something else.
const MAX_LEN: u64 = 1024 * 1024;

/// What paths in the configuration at `file` are relative to.
pub fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => Path::new(".").to_owned(),
    }
}

/// The text of the configuration at `path`.
///
/// # Errors
/// It cannot be read, is no UTF-8, or larger than 1 MiB.
pub fn read_text(path: &Path) -> Result<String, ConfigError> {
    read(path).map_err(|error| ConfigError {
        file: path.to_owned(),
        line: None,
        fault: ConfigFault::Read(error),
    })
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_LEN + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_LEN {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(text)
}
