//! The registry: every device, service and certificate of a fleet, in SQLite.
//!
//! What a function writes is on disk when it returns (WAL, `synchronous = FULL`). The registry holds no private key.

mod adoption;
mod boards;
mod carry_over;
mod certificates;
mod crl_state;
mod devices;
mod entries;
mod error;
mod key_origin;
mod listing;
mod output_directories;
mod reading;
mod reason;
mod record;
mod replacement;
mod revocation;
mod schema;
mod search;
mod settings;
mod signing;
mod witness;
mod work_orders;

use std::ffi::c_int;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use crate::timestamp::Timestamp;

pub(crate) use adoption::{Adoption, AdoptionError, ReadBack};
pub(crate) use carry_over::CarriedOver;
pub(crate) use certificates::{CertificateRecord, IdentityKind, Status};
pub(crate) use crl_state::CrlState;
pub(crate) use devices::{DeviceRecord, RegisteredDevice};
pub(crate) use entries::RevokedEntry;
pub(crate) use error::RegistryError;
pub(crate) use key_origin::KeyOrigin;
pub(crate) use listing::{Listed, Selection};
pub(crate) use reason::RevocationReason;
pub(crate) use record::{NewDevice, RecordError};
pub(crate) use replacement::{Ending, OverlapRefused};
pub(crate) use revocation::{ChangeOutcome, RevocationError, RevocationTarget, StatusChange};
pub(crate) use search::Found;
pub(crate) use settings::Settings;

/// How long a statement waits for the transaction of another process. Transactions last milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the file SQLite keeps in memory, in KiB: the indexes of a hundred thousand devices.
const CACHE_SIZE: i64 = 32 * 1024;

/// An open registry.
pub(crate) struct Registry {
    connection: Connection,
}

impl Registry {
    /// Creates a registry at `path`, which must not exist.
    pub(crate) fn create(path: &Path, settings: &Settings, now: Timestamp) -> Result<Self, RegistryError> {
        // SQLite would create the file readable by everyone, so it is created here first, for its owner alone.
        crate::fleet::write_private(path, &[]).map_err(|source| RegistryError::io(path, source))?;
        Self::with(connect(path)?.0, settings, now)
    }

    fn with(mut connection: Connection, settings: &Settings, now: Timestamp) -> Result<Self, RegistryError> {
        schema::migrate(&mut connection)?;
        let registry = Self { connection };
        registry.write_settings(settings)?;
        registry.agree_to_time(now)?;
        Ok(registry)
    }

    /// Finds the file of a registry. One that this user may not see is not absent.
    pub(crate) fn locate(path: &Path) -> Result<(), RegistryError> {
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Err(source) if source.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(RegistryError::io(path, source))
            }
            _ => Err(RegistryError::Absent { path: path.to_owned() }),
        }
    }

    /// Opens the registry at `path`, and brings it to the schema of this version if an earlier one wrote it. A registry
    /// that can only be read stays as it is, and is brought there in memory.
    pub(crate) fn open(path: &Path) -> Result<Self, RegistryError> {
        let (mut connection, found) = connect_to_known(path)?;
        if found < schema::VERSION {
            if connection.is_readonly(MAIN_DB)? {
                connection = copy_in_memory(&connection)?;
            }
            schema::migrate(&mut connection)?;
        }
        Ok(Self { connection })
    }
}

impl Registry {
    /// A copy of the registry at `path`, in memory: nothing that is done to it is kept, not even the schema of this version.
    pub(crate) fn rehearsal(path: &Path) -> Result<Self, RegistryError> {
        let (connection, _) = connect_to_known(path)?;
        let mut connection = copy_in_memory(&connection)?;
        schema::migrate(&mut connection)?;
        Ok(Self { connection })
    }

    /// Lets `read` see the registry as it is now, whatever others write meanwhile. Many questions cost less so, too: each by
    /// itself takes the lock and gives it back.
    pub(crate) fn at_once<T, E: From<RegistryError>>(
        &self,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        // Nothing is written, so how it ends makes no difference.
        let _transaction = self.connection.unchecked_transaction().map_err(RegistryError::from)?;
        read()
    }

    /// A registry in memory.
    pub(crate) fn rehearsal_of_new(settings: &Settings, now: Timestamp) -> Result<Self, RegistryError> {
        Self::with(Connection::open_in_memory()?, settings, now)
    }

    /// Copies the registry, as it is now, into an empty file. Others may write meanwhile.
    pub(crate) fn copy_into(&self, path: &Path) -> Result<(), RegistryError> {
        let name = path.to_str().ok_or_else(|| {
            RegistryError::io(
                path,
                std::io::Error::new(std::io::ErrorKind::InvalidInput, "a path that is not UTF-8"),
            )
        })?;
        self.connection.execute("VACUUM INTO ?1", [name])?;
        Ok(())
    }

    /// Closes the registry, so that all of it is in its one file.
    pub(crate) fn close(self) -> Result<(), RegistryError> {
        self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
        self.connection.close().map_err(|(_, error)| error.into())
    }
}

/// Connects to the registry at `path`, to read it where it cannot be written to. Returns the version of its schema, which is
/// this one or an earlier one.
fn connect_to_known(path: &Path) -> Result<(Connection, i64), RegistryError> {
    Registry::locate(path)?;
    let (connection, found) = match connect(path) {
        Err(RegistryError::Sqlite(error)) if reading::may_do(&error) => reading::connect(path)?,
        connected => connected?,
    };
    match found {
        1..=schema::VERSION => Ok((connection, found)),
        _ => Err(RegistryError::Version { path: path.to_owned(), found, known: schema::VERSION }),
    }
}

/// How many pages are copied before others may write again.
const PAGES_AT_ONCE: c_int = 1000;

fn copy_in_memory(connection: &Connection) -> rusqlite::Result<Connection> {
    let mut copy = Connection::open_in_memory()?;
    Backup::new(connection, &mut copy)?.run_to_completion(PAGES_AT_ONCE, Duration::ZERO, None)?;
    copy.pragma_update(None, "foreign_keys", true)?;
    Ok(copy)
}

/// Connects, and reads the version of the schema: what cannot be read says so then and not before.
fn connect(path: &Path) -> Result<(Connection, i64), RegistryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Negative: of KiB, not of pages.
    connection.pragma_update(None, "cache_size", -CACHE_SIZE)?;
    // SQLite as it is bundled plans a statement anew for each value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let version = schema::version(&connection)?;
    Ok((connection, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_VERSION_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/version-1/registry.db");

    fn schema_of(connection: &Connection) -> Vec<String> {
        let query = "SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1";
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn a_registry_that_can_only_be_read_is_brought_to_this_version_in_memory_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.db");
        std::fs::copy(OF_VERSION_1, &path).unwrap();
        let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let before = schema_of(&file);
        let mut copy = copy_in_memory(&file).unwrap();
        schema::migrate(&mut copy).unwrap();
        let registry = Registry { connection: copy };
        let certificates = registry.certificates_of("pump-2", Timestamp::from_unix(0)).unwrap();
        assert_eq!(certificates.first().unwrap().status, Status::Suspended);
        assert_eq!(schema::version(&file).unwrap(), 1);
        assert_eq!(schema_of(&file), before);
    }

    #[test]
    fn a_registry_that_grew_up_has_the_schema_of_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.db");
        std::fs::copy(OF_VERSION_1, &path).unwrap();
        let grown = Registry::open(&path).unwrap();
        let mut new = Connection::open_in_memory().unwrap();
        schema::migrate(&mut new).unwrap();
        assert_eq!(schema_of(&grown.connection), schema_of(&new));
        // Again, nothing is left to do.
        drop(grown);
        Registry::open(&path).unwrap();
    }

    #[test]
    fn a_registry_of_a_version_that_is_not_known_is_left_alone() {
        for version in [-1, 0, schema::VERSION + 1] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("registry.db");
            std::fs::copy(OF_VERSION_1, &path).unwrap();
            let file = Connection::open(&path).unwrap();
            file.pragma_update(None, "user_version", version).unwrap();
            let before = schema_of(&file);
            let refused = Registry::open(&path).err().unwrap();
            assert!(matches!(refused, RegistryError::Version { found, .. } if found == version), "{refused}");
            assert_eq!(schema_of(&file), before);
        }
    }
}
