//! The boards of a fleet: which device has the serial number on a label.

use super::devices::{COLUMNS, DeviceRecord, read};
use super::{Registry, RegistryError};

impl Registry {
    /// Calls `each` with every device that a board is: one with a certificate that is neither revoked nor replaced, also
    /// if it has expired, since a clock may be wrong.
    pub(crate) fn for_each_board(&self, mut each: impl FnMut(DeviceRecord)) -> Result<(), RegistryError> {
        let query = format!(
            "SELECT {COLUMNS} FROM device WHERE (serial_number IS NOT NULL OR metadata <> '{{}}') AND EXISTS \
             (SELECT 1 FROM certificate WHERE identity = device_id AND status IN ('active', 'suspended'))"
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(read(row)?);
        }
        Ok(())
    }
}
