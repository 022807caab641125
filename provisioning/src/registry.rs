//! The registry: every device, service and certificate of a fleet, in SQLite.
//!
//! A row is on disk when a function that writes returns (WAL, `synchronous = FULL`). A private key is never in it.

mod certificates;
mod crl_state;
mod devices;
mod error;
mod output_directories;
mod record;
mod revocation;
mod settings;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub use certificates::{CertificateRecord, Kind, Status};
pub use crl_state::CrlState;
pub use devices::{DeviceRecord, Registered};
pub use error::RegistryError;
pub use record::{Conflict, KeyOrigin, NewDevice, RecordError};
pub use revocation::{Change, Outcome, Reason, RevocationError, RevokedEntry, Target};
pub use settings::Settings;

/// The version of the schema this program writes.
const SCHEMA_VERSION: i64 = 1;

/// How long a statement waits for another process's transaction. Transactions last milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open registry.
pub struct Registry {
    connection: Connection,
}

impl Registry {
    /// Makes a new registry at `path`, which must not exist.
    pub fn create(path: &Path, settings: &Settings) -> Result<Self, RegistryError> {
        // SQLite would create the file readable by all; the file mode is ours to set first.
        crate::fleet::write_private(path, &[]).map_err(|source| RegistryError::io(path, source))?;
        let mut connection = connect(path)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(include_str!("registry/schema.sql"))?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        transaction.commit()?;
        let registry = Self { connection };
        registry.write_settings(settings)?;
        Ok(registry)
    }

    /// Opens the registry at `path`.
    pub fn open(path: &Path) -> Result<Self, RegistryError> {
        if !path.is_file() {
            return Err(RegistryError::Absent { path: path.to_owned() });
        }
        let connection = connect(path)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != SCHEMA_VERSION {
            return Err(RegistryError::Version { path: path.to_owned(), found, known: SCHEMA_VERSION });
        }
        Ok(Self { connection })
    }
}

fn connect(path: &Path) -> Result<Connection, RegistryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}
