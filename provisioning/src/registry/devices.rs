//! Devices in the registry.

use device_identity::DeviceId;
use rusqlite::{OptionalExtension as _, Row};
use serde::Serialize;

use super::certificates::serial;
use super::record::KeyOrigin;
use super::{Registry, RegistryError};
use crate::digest::Sha256;
use crate::order::OrderDetails;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// A device in the registry.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeviceRecord {
    /// The device id.
    pub(crate) device_id: String,
    /// The state of its board in the factory.
    pub(crate) board_state: String,
    /// The details from its order.
    #[serde(flatten)]
    pub(crate) details: OrderDetails,
    /// When it was registered.
    pub(crate) created_at: Timestamp,
}

/// What the registry has of a device that is ordered again.
pub(crate) struct RegisteredDevice {
    /// The digest of the order line it was made from, if that is known.
    pub(crate) order_digest: Option<Sha256>,
    /// The serial number of its newest certificate.
    pub(crate) serial: SerialNumber,
    /// Where its key was generated.
    pub(crate) key_origin: KeyOrigin,
}

const COLUMNS: &str = "device_id, board_state, product, serial_number, work_order, metadata, created_at";

fn read(row: &Row<'_>) -> Result<DeviceRecord, RegistryError> {
    let metadata: String = row.get("metadata")?;
    Ok(DeviceRecord {
        device_id: row.get("device_id")?,
        board_state: row.get("board_state")?,
        details: OrderDetails {
            product: row.get("product")?,
            serial_number: row.get("serial_number")?,
            work_order: row.get("work_order")?,
            metadata: serde_json::from_str(&metadata)
                .map_err(|error| RegistryError::damaged(format!("device.metadata: {error}")))?,
        },
        created_at: Timestamp::from_signed(row.get("created_at")?),
    })
}

impl Registry {
    /// A device by its id.
    pub(crate) fn device(&self, id: &str) -> Result<Option<DeviceRecord>, RegistryError> {
        let query = format!("SELECT {COLUMNS} FROM device WHERE device_id = ?1");
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(read).transpose()
    }

    /// A device and its newest certificate, by the device id.
    pub(crate) fn registered(&self, id: &DeviceId) -> Result<Option<RegisteredDevice>, RegistryError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT order_digest, serial, key_origin FROM device JOIN certificate ON identity = device_id \
             WHERE device_id = ?1 ORDER BY certificate.id DESC LIMIT 1",
        )?;
        let found = statement
            .query_row([id.as_str()], |row| {
                Ok((row.get::<_, Option<_>>(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        let Some((digest, number, origin)) = found else { return Ok(None) };
        Ok(Some(RegisteredDevice {
            order_digest: digest.map(Sha256::from_bytes),
            serial: serial(number)?,
            key_origin: KeyOrigin::by_name(&origin)
                .ok_or_else(|| RegistryError::damaged("certificate.key_origin makes no sense"))?,
        }))
    }
}
