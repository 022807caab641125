//! Certificates that an issuing CA of this fleet signed and the registry does not know: made since the backup it is from,
//! or by somebody else with the key.

use device_identity::{DeviceId, ServiceName};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::{
    IdentityKind, KeyOrigin, Registry, RegistryError, RevocationReason, Status, revocation, witness,
};
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

/// A certificate that was read back, and who made its key, as far as its file says.
#[derive(Debug)]
pub(crate) struct ReadBack {
    /// The certificate.
    pub(crate) certificate: IssuedCertificate,
    /// Who made its key.
    pub(crate) key_origin: KeyOrigin,
}

/// What became of a certificate that was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// The registry had it.
    Known,
    /// It is registered now.
    New,
}

impl Registry {
    /// Registers a certificate, unless it is registered already; gives its serial number.
    pub(crate) fn adopt(
        &mut self,
        certificate: &IssuedCertificate,
        now: Timestamp,
    ) -> Result<SerialNumber, AdoptionError> {
        let serial = serial(certificate)?;
        if self.has_serial(&serial)? {
            return Ok(serial);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let identity = identity(&transaction, certificate, now)?;
        insert(&transaction, certificate, KeyOrigin::Unknown, &serial, identity.as_deref())?;
        transaction.commit()?;
        Ok(serial)
    }

    /// Registers those of a group that are not registered, in one transaction. The newest of a name supersedes the others;
    /// one that does not fit is passed over.
    pub(crate) fn adopt_group(
        &mut self,
        group: &[ReadBack],
        now: Timestamp,
    ) -> Result<Vec<Result<Adoption, AdoptionError>>, RegistryError> {
        let mut transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::new();
        for read_back in group {
            // What a certificate that does not fit has changed until then is undone when the savepoint is dropped.
            let savepoint = transaction.savepoint()?;
            match adopt_as_current(&savepoint, read_back, now) {
                Err(AdoptionError::Registry(error)) => return Err(error),
                Err(misfit) => outcomes.push(Err(misfit)),
                Ok(adoption) => {
                    savepoint.commit()?;
                    outcomes.push(Ok(adoption));
                }
            }
        }
        transaction.commit()?;
        Ok(outcomes)
    }
}

fn serial(certificate: &IssuedCertificate) -> Result<SerialNumber, AdoptionError> {
    let listed = certificate.serial();
    let serial =
        <[u8; crate::serial::LEN]>::try_from(listed.content()).ok().and_then(SerialNumber::from_bytes);
    serial.ok_or_else(|| AdoptionError::Serial { serial: listed.to_string() })
}

fn adopt_as_current(
    connection: &Connection,
    read_back: &ReadBack,
    now: Timestamp,
) -> Result<Adoption, AdoptionError> {
    let ReadBack { certificate, key_origin } = read_back;
    let serial = serial(certificate)?;
    if connection
        .prepare_cached("SELECT 1 FROM certificate WHERE serial = ?1")?
        .exists([serial.as_bytes()])?
    {
        return Ok(Adoption::Known);
    }
    let identity = identity(connection, certificate, now)?;
    insert(connection, certificate, *key_origin, &serial, identity.as_deref())?;
    // Those before it, if it is the newest. A suspended one stays suspended, and is superseded once the suspension ends.
    for change in [
        "UPDATE certificate SET status = 'superseded' WHERE status = 'active'",
        "UPDATE certificate SET status_before = 'superseded' WHERE status = 'suspended'",
    ] {
        let older = format!(
            "{change} AND identity IS ?1 AND authority = ?2 AND id < (SELECT id FROM certificate WHERE serial = ?3)"
        );
        let newest = (identity.as_deref(), certificate.authority().name(), serial.as_bytes());
        connection.prepare_cached(&older)?.execute(newest)?;
    }
    witness::note_seen(connection, certificate.not_before())?;
    Ok(Adoption::New)
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
    key_origin: KeyOrigin,
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
            key_origin.name(),
            not_before,
            certificate.not_after().signed(),
            if has_newer { "superseded" } else { "active" },
            certificate.der(),
        ),
    )?;
    if inserted == 0 {
        return Err(AdoptionError::Key);
    }
    list_as_carried(connection, certificate.authority(), serial)?;
    Ok(())
}

/// An entry that was taken over from a list without its certificate is the certificate's from now on: the certificate is
/// revoked, or suspended, as the list said.
fn list_as_carried(
    connection: &Connection,
    authority: Authority,
    serial: &SerialNumber,
) -> rusqlite::Result<()> {
    let key = (authority.name(), serial.as_bytes());
    let carried: Option<(String, i64)> = connection
        .prepare_cached(
            "SELECT revocation_reason, revoked_at FROM carried WHERE authority = ?1 AND serial = ?2",
        )?
        .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((reason, revoked_at)) = carried else { return Ok(()) };
    let hold = reason == RevocationReason::CertificateHold.name();
    let status = if hold { Status::Suspended } else { Status::Revoked };
    let change = (serial.as_bytes(), status.name(), reason, revoked_at);
    connection.prepare_cached(revocation::TAKE_OFF)?.execute(change)?;
    connection.prepare_cached("DELETE FROM carried WHERE authority = ?1 AND serial = ?2")?.execute(key)?;
    Ok(())
}
