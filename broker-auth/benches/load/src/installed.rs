//! [`installed`]: the programs of other people that are measured, too.

use std::io;
use std::path::PathBuf;

/// Where a program is. Debian puts servers where a user's PATH does not look.
///
/// # Errors
/// It is not installed.
pub fn installed(program: &str) -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = places.map(|place| place.join(program)).find(|file| file.is_file());
    found.ok_or_else(|| io::Error::other(format!("{program} is not installed")))
}
