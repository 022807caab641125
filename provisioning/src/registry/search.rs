//! [`Found`]: what a name, a certificate's serial number or a board's serial number stands for.

use super::certificates::{COLUMNS, CertificateRecord};
use super::devices::for_each;
use super::{Registry, RegistryError};
use crate::order::DetailFilter;
use crate::serial::SerialNumber;
use crate::spelling::{Meaning, trimmed};
use crate::timestamp::Timestamp;

/// What a text stands for.
pub(crate) enum Found {
    /// A device or service, by its name or by the serial number on its board.
    Identity(String),
    /// A certificate, by its serial number.
    Certificate(Box<CertificateRecord>),
    /// Several devices have this serial number on their boards.
    Boards(Vec<String>),
    /// Nothing that is registered.
    Nothing,
}

impl Registry {
    /// Finds what `text` stands for: a device or service of this name or else a certificate of this serial number or
    /// else the devices with this serial number on their boards.
    pub(crate) fn find(&self, text: &str, now: Timestamp) -> Result<Found, RegistryError> {
        let text = trimmed(text);
        if self.kind_of(text)?.is_some() {
            return Ok(Found::Identity(text.to_owned()));
        }
        if let Ok(serial) = text.parse::<SerialNumber>()
            && let Some(certificate) = self.certificate(&serial, now)?
        {
            return Ok(Found::Certificate(Box::new(certificate)));
        }
        let meaning = Meaning::of(text);
        if meaning.is_empty() {
            return Ok(Found::Nothing);
        }
        let on_label = DetailFilter::serial_number(meaning);
        let mut devices = Vec::new();
        for_each(&self.connection, |device| {
            if on_label.matches(&device.details) {
                devices.push(device.device_id);
            }
            Ok(())
        })?;
        Ok(match devices.len() {
            0 => Found::Nothing,
            1 => devices.pop().map_or(Found::Nothing, Found::Identity),
            _ => Found::Boards(devices),
        })
    }

    /// The other devices whose boards have this serial number on their label, spelled in this way.
    pub(crate) fn boards_numbered(&self, serial_number: &str) -> Result<Vec<String>, RegistryError> {
        let query =
            "SELECT device_id FROM device WHERE serial_number = ?1 AND device_id <> ?1 ORDER BY device_id";
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map([serial_number], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn certificate(
        &self,
        serial: &SerialNumber,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>, RegistryError> {
        let query = format!("SELECT {COLUMNS} FROM certificate WHERE serial = ?1");
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows =
            statement.query_and_then([serial.as_bytes()], |row| CertificateRecord::read(row, now))?;
        rows.next().transpose()
    }
}
