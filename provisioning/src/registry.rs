//! The registry: every device, service and certificate of a fleet, in SQLite.
//!
//! What a function writes is on disk when it returns (WAL, `synchronous = FULL`). The registry holds no private key.

mod certificates;
mod crl_state;
mod devices;
mod error;
mod output_directories;
mod reason;
mod record;
mod revocation;
mod settings;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub(crate) use certificates::{CertificateRecord, IdentityKind, Status};
pub(crate) use crl_state::CrlState;
pub(crate) use devices::{DeviceRecord, RegisteredDevice};
pub(crate) use error::RegistryError;
pub(crate) use reason::RevocationReason;
pub(crate) use record::{KeyOrigin, NewDevice, RecordError};
pub(crate) use revocation::{ChangeOutcome, RevocationError, RevocationTarget, RevokedEntry, StatusChange};
pub(crate) use settings::Settings;

/// The version of the schema this program writes.
const SCHEMA_VERSION: i64 = 1;

/// How long a statement waits for the transaction of another process. Transactions last milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open registry.
pub(crate) struct Registry {
    connection: Connection,
}

impl Registry {
    /// Creates a registry at `path`, which must not exist.
    pub(crate) fn create(path: &Path, settings: &Settings) -> Result<Self, RegistryError> {
        // SQLite would create the file readable by everyone, so it is created here first, for its owner alone.
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
    pub(crate) fn open(path: &Path) -> Result<Self, RegistryError> {
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
