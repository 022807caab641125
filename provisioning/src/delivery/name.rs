//! [`StagedName`]: what a file in the staging directory is called, and so what is to become of it.

use crate::serial::SerialNumber;

/// What delivery does where a file has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnExisting {
    /// It is left as it is, and the new file is not delivered.
    Keep,
    /// It is replaced: the next certificate and key of a device, a service, or the broker.
    Replace,
}

/// The name of a staged file: the serial number of the certificate it belongs to, and the name it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StagedName {
    /// The certificate.
    pub(super) serial: SerialNumber,
    /// What it does to an existing file.
    pub(super) on_existing: OnExisting,
    /// The name it gets.
    pub(super) name: String,
}

/// Follows the serial number of a file that replaces none.
const KEEPS: char = '.';

/// Follows the serial number of a file that replaces the one there is.
const REPLACES: char = '~';

impl StagedName {
    /// The name within the staging directory.
    pub(super) fn file_name(&self) -> String {
        let mark = match self.on_existing {
            OnExisting::Keep => KEEPS,
            OnExisting::Replace => REPLACES,
        };
        format!("{}{mark}{}", self.serial, self.name)
    }

    /// Reads a name within the staging directory; `None` if delivery gives no such name.
    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let (serial, name) = file_name.split_once([KEEPS, REPLACES])?;
        let on_existing = if file_name.get(serial.len()..)?.starts_with(REPLACES) {
            OnExisting::Replace
        } else {
            OnExisting::Keep
        };
        let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        plain.then_some(Self { serial: serial.parse().ok()?, on_existing, name: name.to_owned() })
    }
}
