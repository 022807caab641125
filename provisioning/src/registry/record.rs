//! Recording what was issued: a whole group in one transaction, or nothing of it.

use device_identity::DeviceId;
use rusqlite::{Connection, TransactionBehavior};

use super::{IdentityKind, KeyOrigin, Registry, RegistryError};
use crate::certificate_subject::CertificateSubject;
use crate::conflict::Conflict;
use crate::digest::Sha256;
use crate::order::OrderDetails;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// A device to be registered with its first certificate.
pub(crate) struct NewDevice<'a> {
    /// The details from its order.
    pub(crate) details: &'a OrderDetails,
    /// Whether other boards of the product may have the same serial number.
    pub(crate) shared_serial: bool,
    /// The digest of the order line.
    pub(crate) order_digest: Sha256,
    /// Where its key was generated.
    pub(crate) key_origin: KeyOrigin,
    /// Its certificate; the subject is a device.
    pub(crate) certificate: &'a VerifiedCertificate,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// A name, key or serial number exists already.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<rusqlite::Error> for RecordError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Registry(error.into())
    }
}

impl Registry {
    /// Records a group of devices in one transaction.
    pub(crate) fn record_devices(
        &mut self,
        group: &[NewDevice<'_>],
        now: Timestamp,
    ) -> Result<(), RecordError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for device in group {
            let CertificateSubject::Device(id) = device.certificate.subject() else {
                return Err(RegistryError::damaged("a device was given another's certificate").into());
            };
            insert_device(&transaction, id, device, now)?;
            insert_certificate(&transaction, device.certificate, device.key_origin)?;
        }
        Ok(transaction.commit()?)
    }

    /// Records the first certificate of a service or, with `renew`, the next one, which supersedes those before.
    pub(crate) fn record_service(
        &mut self,
        certificate: &VerifiedCertificate,
        renew: bool,
    ) -> Result<(), RecordError> {
        let CertificateSubject::Service(name) = certificate.subject() else {
            return Err(RegistryError::damaged("a service was given another's certificate").into());
        };
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if renew {
            supersede(&transaction, "identity = ?1", name.as_str())?;
        } else {
            insert_identity(&transaction, name.as_str(), IdentityKind::Service)?;
        }
        insert_certificate(&transaction, certificate, KeyOrigin::Factory)?;
        Ok(transaction.commit()?)
    }

    /// Records a certificate of the broker, which supersedes those before.
    pub(crate) fn record_broker(&mut self, certificate: &VerifiedCertificate) -> Result<(), RecordError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        supersede(
            &transaction,
            "identity IS NULL AND authority = ?1",
            certificate.subject().authority().name(),
        )?;
        insert_certificate(&transaction, certificate, KeyOrigin::Factory)?;
        Ok(transaction.commit()?)
    }
}

fn supersede(connection: &Connection, which: &str, parameter: &str) -> Result<(), RecordError> {
    let active = format!("UPDATE certificate SET status = 'superseded' WHERE status = 'active' AND {which}");
    connection.execute(&active, [parameter])?;
    // A suspended one stays suspended, and is superseded once the suspension ends.
    let suspended =
        format!("UPDATE certificate SET status_before = 'superseded' WHERE status = 'suspended' AND {which}");
    connection.execute(&suspended, [parameter])?;
    Ok(())
}

fn insert_identity(connection: &Connection, name: &str, kind: IdentityKind) -> Result<(), RecordError> {
    let statement = "INSERT INTO identity (name, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    match connection.prepare_cached(statement)?.execute((name, kind.name()))? {
        0 => Err(Conflict::NameTaken { name: name.to_owned() }.into()),
        _ => Ok(()),
    }
}

fn insert_device(
    connection: &Connection,
    id: &DeviceId,
    device: &NewDevice<'_>,
    now: Timestamp,
) -> Result<(), RecordError> {
    insert_identity(connection, id.as_str(), IdentityKind::Device)?;
    let metadata = serde_json::to_string(&device.details.metadata)
        .map_err(|error| RegistryError::damaged(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO device (device_id, board_state, product, serial_number, work_order, metadata, order_digest, \
             created_at, shared_serial) VALUES (?1, 'issued', ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            id.as_str(),
            &device.details.product,
            &device.details.serial_number,
            &device.details.work_order,
            metadata,
            device.order_digest.as_bytes(),
            now.signed(),
            device.shared_serial,
        ))?;
    Ok(())
}

pub(super) fn insert_certificate(
    connection: &Connection,
    certificate: &VerifiedCertificate,
    origin: KeyOrigin,
) -> Result<(), RecordError> {
    let subject = certificate.subject();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO certificate (serial, authority, identity, spki_sha256, fingerprint_sha256, key_origin, \
             not_before, not_after, status, der) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'active', ?9) \
             ON CONFLICT DO NOTHING",
        )?
        .execute((
            certificate.serial().as_bytes(),
            subject.authority().name(),
            subject.identity(),
            certificate.spki_sha256().as_bytes(),
            certificate.fingerprint().as_bytes(),
            origin.name(),
            certificate.validity().not_before().signed(),
            certificate.validity().not_after().signed(),
            certificate.der(),
        ))?;
    if inserted > 0 {
        return Ok(());
    }
    let name = subject.to_string();
    let identity = connection
        .prepare_cached("SELECT ifnull(identity, 'the broker') FROM certificate WHERE spki_sha256 = ?1")?
        .query_and_then([certificate.spki_sha256().as_bytes()], |row| row.get::<_, String>(0))?
        .next()
        .transpose()?;
    Err(match identity {
        Some(identity) => Conflict::PublicKey { name, identity },
        None => Conflict::Serial { name },
    }
    .into())
}
