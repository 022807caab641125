//! Certificates that an issuing CA of this fleet signed and the registry does not know: made since the backup it is from,
//! or by somebody else with the key.

use device_identity::{DeviceId, ServiceName};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{IdentityKind, KeyOrigin, Registry, RegistryError};
use crate::authority::Authority;
use crate::digest::Sha256;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::IssuedCertificate;

/// Why a certificate does not fit into the registry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdoptionError {
    /// Its serial number is none that this program gives.
    #[error("its serial number {serial} is none that this program gives")]
    Serial {
        /// The serial number, in hex.
        serial: String,
    },
    /// It names no device or service, or one of the other kind.
    #[error("its common name {name:?} is that of no {kind} of this fleet")]
    Name {
        /// The common name.
        name: String,
        /// What it should name.
        kind: &'static str,
    },
    /// Its key is that of another certificate.
    #[error("the registry has its public key in another certificate")]
    Key,
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<rusqlite::Error> for AdoptionError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Registry(error.into())
    }
}

impl Registry {
    /// Registers a certificate, unless it is registered already; gives its serial number.
    pub(crate) fn adopt(
        &mut self,
        certificate: &IssuedCertificate,
        now: Timestamp,
    ) -> Result<SerialNumber, AdoptionError> {
        let listed = certificate.serial();
        let serial =
            <[u8; crate::serial::LEN]>::try_from(listed.content()).ok().and_then(SerialNumber::from_bytes);
        let serial = serial.ok_or_else(|| AdoptionError::Serial { serial: listed.to_string() })?;
        if self.has_serial(&serial)? {
            return Ok(serial);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let identity = identity(&transaction, certificate, now)?;
        insert(&transaction, certificate, &serial, identity.as_deref())?;
        transaction.commit()?;
        Ok(serial)
    }
}

/// The name in the certificate, registered as what the authority makes it; none for the broker.
fn identity(
    connection: &Connection,
    certificate: &IssuedCertificate,
    now: Timestamp,
) -> Result<Option<String>, AdoptionError> {
    let name = certificate.common_name().unwrap_or_default();
    let (kind, valid) = match certificate.authority() {
        Authority::Device => (IdentityKind::Device, name.parse::<DeviceId>().is_ok()),
        Authority::Service => (IdentityKind::Service, name.parse::<ServiceName>().is_ok()),
        Authority::Broker => return Ok(None),
    };
    let other = || AdoptionError::Name { name: name.to_owned(), kind: kind.name() };
    if !valid {
        return Err(other());
    }
    let known: Option<String> = connection
        .query_row("SELECT kind FROM identity WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    match known {
        Some(known) if known == kind.name() => return Ok(Some(name.to_owned())),
        Some(_) => return Err(other()),
        None => {}
    }
    connection.execute("INSERT INTO identity (name, kind) VALUES (?1, ?2)", (name, kind.name()))?;
    if kind == IdentityKind::Device {
        connection.execute(
            "INSERT INTO device (device_id, board_state, metadata, created_at) VALUES (?1, 'issued', '{}', ?2)",
            (name, now.signed()),
        )?;
    }
    Ok(Some(name.to_owned()))
}

/// Certificates of a name are in the order of their age: one from before those that are known comes first, superseded.
fn insert(
    connection: &Connection,
    certificate: &IssuedCertificate,
    serial: &SerialNumber,
    identity: Option<&str>,
) -> Result<(), AdoptionError> {
    let not_before = certificate.not_before().signed();
    let has_newer: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM certificate WHERE identity IS ?1 AND authority = ?2 AND not_before > ?3)",
        (identity, certificate.authority().name(), not_before),
        |row| row.get(0),
    )?;
    let first: Option<i64> = if has_newer {
        connection.query_row("SELECT min(id) - 1 FROM certificate", [], |row| row.get(0))?
    } else {
        None
    };
    let inserted = connection.execute(
        "INSERT INTO certificate (id, serial, authority, identity, spki_sha256, fingerprint_sha256, key_origin, \
         not_before, not_after, status, der) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
         ON CONFLICT (spki_sha256) DO NOTHING",
        (
            first,
            serial.as_bytes(),
            certificate.authority().name(),
            identity,
            certificate.spki_sha256().as_bytes(),
            Sha256::of(certificate.der()).as_bytes(),
            KeyOrigin::Unknown.name(),
            not_before,
            certificate.not_after().signed(),
            if has_newer { "superseded" } else { "active" },
            certificate.der(),
        ),
    )?;
    if inserted == 0 { Err(AdoptionError::Key) } else { Ok(()) }
}
