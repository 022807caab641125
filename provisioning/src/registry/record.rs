//! Recording what was made: all of a group, or nothing of it.

use device_identity::DeviceId;
use rusqlite::{Connection, TransactionBehavior};

use super::certificates::seconds;
use super::{Registry, RegistryError};
use crate::digest::Sha256;
use crate::holder::Holder;
use crate::order::OrderDetails;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// Where a key was made. Never the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Here: it went into the image and nowhere else.
    Factory,
    /// On the device: a signing request came from it.
    Device,
}

impl KeyOrigin {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Device => "device",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        [Self::Factory, Self::Device].into_iter().find(|origin| origin.name() == name)
    }
}

/// A device to be registered with its first certificate.
pub struct NewDevice<'a> {
    /// What its order said.
    pub details: &'a OrderDetails,
    /// The digest of the order line.
    pub order_digest: Sha256,
    /// Where its key was made.
    pub key_origin: KeyOrigin,
    /// Its certificate; the holder is a device.
    pub certificate: &'a VerifiedCertificate,
}

/// What is there already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A device or service of that name.
    #[error("{name} is registered already")]
    Name {
        /// The name.
        name: String,
    },
    /// The same public key, certified for another.
    #[error("the public key of {name} is certified already, for {holder}")]
    PublicKey {
        /// Whose certificate was refused.
        name: String,
        /// Who has the key.
        holder: String,
    },
    /// The same serial number. 128 random bits do not repeat: the random number generator is broken.
    #[error("the serial number drawn for {name} exists already; is the random number generator broken?")]
    Serial {
        /// Whose certificate was refused.
        name: String,
    },
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Something is there already.
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
    /// Records a group of devices in one transaction; on disk when this returns.
    pub fn record_devices(&mut self, group: &[NewDevice<'_>], now: Timestamp) -> Result<(), RecordError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for device in group {
            let Holder::Device(id) = device.certificate.holder() else {
                return Err(RegistryError::damaged("a device was given another's certificate").into());
            };
            insert_device(&transaction, id, device, now)?;
            insert_certificate(&transaction, device.certificate, device.key_origin)?;
        }
        Ok(transaction.commit()?)
    }

    /// Records a service's first certificate, or the next one of a service there is; the ones before are superseded.
    pub fn record_service(
        &mut self,
        certificate: &VerifiedCertificate,
        renew: bool,
    ) -> Result<(), RecordError> {
        let Holder::Service(name) = certificate.holder() else {
            return Err(RegistryError::damaged("a service was given another's certificate").into());
        };
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if renew {
            supersede(&transaction, "identity = ?1", name.as_str())?;
        } else {
            insert_identity(&transaction, name.as_str(), "service")?;
        }
        insert_certificate(&transaction, certificate, KeyOrigin::Factory)?;
        Ok(transaction.commit()?)
    }

    /// Records a certificate of the broker; the ones before are superseded.
    pub fn record_broker(&mut self, certificate: &VerifiedCertificate) -> Result<(), RecordError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        supersede(
            &transaction,
            "identity IS NULL AND authority = ?1",
            certificate.holder().authority().name(),
        )?;
        insert_certificate(&transaction, certificate, KeyOrigin::Factory)?;
        Ok(transaction.commit()?)
    }
}

fn supersede(connection: &Connection, which: &str, parameter: &str) -> Result<(), RecordError> {
    let statement =
        format!("UPDATE certificate SET status = 'superseded' WHERE status = 'active' AND {which}");
    connection.execute(&statement, [parameter])?;
    Ok(())
}

fn insert_identity(connection: &Connection, name: &str, kind: &str) -> Result<(), RecordError> {
    let statement = "INSERT INTO identity (name, kind) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    match connection.prepare_cached(statement)?.execute((name, kind))? {
        0 => Err(Conflict::Name { name: name.to_owned() }.into()),
        _ => Ok(()),
    }
}

fn insert_device(
    connection: &Connection,
    id: &DeviceId,
    device: &NewDevice<'_>,
    now: Timestamp,
) -> Result<(), RecordError> {
    insert_identity(connection, id.as_str(), "device")?;
    let metadata = serde_json::to_string(&device.details.metadata)
        .map_err(|error| RegistryError::damaged(error.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO device (device_id, board_state, product, serial_number, work_order, metadata, order_digest, \
             created_at) VALUES (?1, 'issued', ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            id.as_str(),
            &device.details.product,
            &device.details.serial_number,
            &device.details.work_order,
            metadata,
            device.order_digest.as_bytes(),
            seconds(now),
        ))?;
    Ok(())
}

fn insert_certificate(
    connection: &Connection,
    certificate: &VerifiedCertificate,
    origin: KeyOrigin,
) -> Result<(), RecordError> {
    let holder = certificate.holder();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO certificate (serial, authority, identity, spki_sha256, fingerprint_sha256, key_origin, \
             not_before, not_after, status, der) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'active', ?9) \
             ON CONFLICT DO NOTHING",
        )?
        .execute((
            certificate.serial().as_bytes(),
            holder.authority().name(),
            holder.identity(),
            certificate.spki_sha256().as_bytes(),
            certificate.fingerprint().as_bytes(),
            origin.name(),
            seconds(certificate.validity().not_before()),
            seconds(certificate.validity().not_after()),
            certificate.der(),
        ))?;
    if inserted > 0 {
        return Ok(());
    }
    let name = holder.to_string();
    let has_key = connection
        .prepare_cached("SELECT ifnull(identity, 'the broker') FROM certificate WHERE spki_sha256 = ?1")?
        .query_and_then([certificate.spki_sha256().as_bytes()], |row| row.get::<_, String>(0))?
        .next()
        .transpose()?;
    Err(match has_key {
        Some(holder) => Conflict::PublicKey { name, holder },
        None => Conflict::Serial { name },
    }
    .into())
}
