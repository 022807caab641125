//! Devices in the registry.

use device_identity::DeviceId;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;

use super::certificates::{Status, serial};
use super::{KeyOrigin, Registry, RegistryError};
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
    /// The status of that certificate.
    pub(crate) status: Status,
    /// Where its key was generated.
    pub(crate) key_origin: KeyOrigin,
}

/// The columns [`read`] reads.
pub(super) const COLUMNS: &str =
    "device_id, board_state, product, serial_number, work_order, metadata, created_at";

/// Reads a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<DeviceRecord, RegistryError> {
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

fn stored_status(name: &str) -> Result<Status, RegistryError> {
    name.parse().map_err(|_| RegistryError::damaged("certificate.status makes no sense"))
}

/// Calls `each` with every device, in the order of their ids.
pub(super) fn for_each(
    connection: &Connection,
    mut each: impl FnMut(DeviceRecord) -> Result<(), RegistryError>,
) -> Result<(), RegistryError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM device ORDER BY device_id"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(read(row)?)?;
    }
    Ok(())
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
    pub(crate) fn registered(
        &self,
        id: &DeviceId,
        now: Timestamp,
    ) -> Result<Option<RegisteredDevice>, RegistryError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT order_digest, serial, key_origin, status, not_after FROM device JOIN certificate ON identity = device_id \
             WHERE device_id = ?1 ORDER BY certificate.id DESC LIMIT 1",
        )?;
        let found = statement
            .query_row([id.as_str()], |row| {
                Ok((
                    row.get::<_, Option<_>>(0)?,
                    row.get(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?;
        let Some((digest, number, origin, status, not_after)) = found else { return Ok(None) };
        Ok(Some(RegisteredDevice {
            order_digest: digest.map(Sha256::from_bytes),
            serial: serial(number)?,
            status: stored_status(&status)?.at(Timestamp::from_signed(not_after), now),
            key_origin: origin
                .parse()
                .map_err(|_| RegistryError::damaged("certificate.key_origin makes no sense"))?,
        }))
    }

    /// The ids of devices that begin with this, in any case of their ASCII letters.
    pub(crate) fn device_ids_from(&self, begin: &str) -> Result<Vec<String>, RegistryError> {
        // No character comes after the last of Unicode.
        let mut statement = self.connection.prepare_cached(
            "SELECT name FROM identity WHERE kind = 'device' AND name >= ?1 COLLATE NOCASE \
             AND name < ?1 || char(0x10FFFF) COLLATE NOCASE ORDER BY name",
        )?;
        Ok(statement.query_map([begin], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The registered names that differ from this one in the case of ASCII letters alone.
    pub(crate) fn case_twins_of(&self, name: &str) -> Result<Vec<String>, RegistryError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name FROM identity WHERE name = ?1 COLLATE NOCASE AND name <> ?1")?;
        Ok(statement.query_map([name], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The serial numbers of the certificates that were recorded last.
    pub(crate) fn latest_serials(&self, count: usize) -> Result<Vec<SerialNumber>, RegistryError> {
        let mut statement =
            self.connection.prepare_cached("SELECT serial FROM certificate ORDER BY id DESC LIMIT ?1")?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        statement.query_and_then([count], |row| serial(row.get(0)?))?.collect()
    }
}
