//! [`Delivery::probe`]: whether a directory can hold the files of an order, asked before any of them is made.

use std::collections::BTreeMap;
use std::io;

use super::error::DeliveryError;
use super::file_system::Occupant;
use super::name::{OnExisting, StagedName};
use super::recovery::STAGING;
use super::staging::Delivery;
use crate::serial::{LEN, SerialNumber};

/// The serial number that a probe is staged under. No registry has it, so what a kill leaves of it is removed as any other
/// staged file that belongs to nothing.
const NOBODYS: [u8; LEN] = [1; LEN];

impl Delivery<'_> {
    /// Sees that nothing has one of these names, and that the file system takes them: the longest of them, and one with each
    /// character that not all file systems have (`:`), is created and removed.
    ///
    /// # Errors
    /// [`DeliveryError::Taken`], [`DeliveryError::Unnameable`], or the directory cannot be written.
    pub(crate) fn probe(&self, names: impl Iterator<Item = String>) -> Result<(), DeliveryError> {
        let mut longest: Option<String> = None;
        let mut unusual = BTreeMap::new();
        for name in names {
            let path = self.directory.join(&name);
            match self.files.occupant(&path) {
                Ok(Occupant::Nothing) => {}
                Ok(_) => return Err(DeliveryError::Taken { path }),
                Err(source) => return Err(self.refusal(&name, source)),
            }
            for character in name.chars().filter(|character| !is_usual(*character)) {
                unusual.entry(character).or_insert_with(|| name.clone());
            }
            if longest.as_ref().is_none_or(|longest| longest.len() < name.len()) {
                longest = Some(name);
            }
        }
        unusual.values().chain(&longest).try_for_each(|name| self.try_name(name))
    }

    fn try_name(&self, name: &str) -> Result<(), DeliveryError> {
        let Some(serial) = SerialNumber::from_bytes(NOBODYS) else { return Ok(()) };
        let staged = StagedName { serial, on_existing: OnExisting::Keep, name: name.to_owned() };
        let path = self.directory.join(STAGING).join(staged.file_name());
        match self.files.create(&path, &[]) {
            Ok(()) => self.files.remove_file(&path).map_err(|source| DeliveryError::Write { path, source }),
            // Another command is asking the same.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(self.refusal(name, error)),
        }
    }

    /// An error about the name, as file systems put it (EINVAL; ENAMETOOLONG; ENOENT by exFAT over FUSE), or about the disk.
    fn refusal(&self, name: &str, source: io::Error) -> DeliveryError {
        let directory = self.directory.clone();
        match source.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename => {
                DeliveryError::Unnameable { directory, name: name.to_owned(), source }
            }
            _ => DeliveryError::Write { path: directory.join(name), source },
        }
    }
}

/// Whether every file system in use takes it in a name.
fn is_usual(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_')
}
