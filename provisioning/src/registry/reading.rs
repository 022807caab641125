//! Connecting to a registry that can only be read: on a read-only file system, or of another owner.
//!
//! SQLite reads a database in WAL mode through a file beside it that readers share, `registry.db-shm`. Where that cannot be
//! made there are two ways, by whether the log holds anything.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{RegistryError, schema};

/// A VFS of SQLite without locks.
const WITHOUT_LOCKS: &str = "unix-none";

/// Whether a connection that failed so may still be made for reading.
pub(super) fn may_do(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// Connects for reading, and reads the version of the schema.
pub(super) fn connect(path: &Path) -> Result<(Connection, i64), RegistryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if fs::metadata(log(path)).is_ok_and(|log| log.len() > 0) {
        // The last transactions are in the log alone. In exclusive mode SQLite keeps its index of the log in memory. The lock
        // of that mode needs a file that can be written, hence a VFS without locks. A writer that starts meanwhile is not
        // kept from truncating the log, after which a query fails: a read is then to be repeated.
        let connection = Connection::open_with_flags_and_vfs(path, flags, WITHOUT_LOCKS)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection
    } else {
        // Everything is in the database itself, and nobody who writes has it open: they would have made a log.
        Connection::open_with_flags(unchanging(path), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    let version = schema::version(&connection)?;
    Ok((connection, version))
}

/// The log of a database in WAL mode.
fn log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The URI by which SQLite takes a file for one that does not change.
fn unchanging(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Writing to a text does not fail.
                let _ = write!(uri, "%{other:02x}");
            }
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_query_of_its_uri() {
        assert_eq!(unchanging(Path::new("./a?mode=rw#%/ü")), "file:./a%3fmode%3drw%23%25/%c3%bc?immutable=1");
    }
}
