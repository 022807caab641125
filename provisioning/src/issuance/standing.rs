//! [`Standing`]: what is to be done about a device that is registered already, judged by the content of its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::IssuanceError;
use crate::conflict::{Conflict, FileDifference};
use crate::fleet::{ReadError, read_regular};
use crate::image::{Expected, ExpectedKey, FileContent, FileKind, LONGEST_FILE, OutputOptions};
use crate::key::P256PublicKey;
use crate::order::Order;
use crate::registry::{KeyOrigin, RegisteredDevice, Registry, RegistryError, Status};

/// What is to be done about a registered device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing: every file is there, and is right.
    Done,
    /// These files are missing. Those that the key allows are made again.
    Incomplete {
        /// The missing files.
        missing: Vec<FileKind>,
        /// Where the private key is.
        key: KeySource,
    },
    /// Files are missing, the certificate is not active, and the operator says that they are elsewhere.
    Delivered,
}

/// Where the private key of a registered device is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// On the device, which made it.
    Device,
    /// In this file.
    File(PathBuf),
    /// In none of the directories that were looked into.
    Nowhere,
}

/// What files of registered devices are compared with.
pub(crate) struct Inspection<'a> {
    /// Which files there are to be, and where.
    pub(crate) output: &'a OutputOptions,
    /// Another directory in which keys are looked for: the fleet's images.
    pub(crate) images: &'a Path,
    /// The key slot that images name, of devices that made their own key.
    pub(crate) key_slot: u32,
    /// Missing files were taken elsewhere on purpose.
    pub(crate) keys_delivered: bool,
}

impl Inspection<'_> {
    /// Judges the files of a device; the conflicts are what must not be replaced, nor be taken for what was ordered.
    pub(super) fn judge(
        &self,
        registry: &Registry,
        order: &Order,
        device: &RegisteredDevice,
    ) -> Result<Result<Standing, Vec<Conflict>>, IssuanceError> {
        let device_id = &order.device_id;
        let damaged =
            || RegistryError::Damaged { what: format!("the certificate of {device_id} does not read back") };
        let certificate = registry.certificate_der(&device.serial)?.ok_or_else(damaged)?;
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| damaged())?;
        let public_key = P256PublicKey::from_spki(parsed.public_key()).map_err(|_| damaged())?;
        // Of a certificate that was read back from a file, the key may be in another file, and is on no device for sure.
        let made_here = device.key_origin != KeyOrigin::Device;
        let expected = Expected {
            device_id,
            certificate: &certificate,
            public_key: &public_key,
            key: if made_here { ExpectedKey::File } else { ExpectedKey::Slot(self.key_slot) },
            placement: self.output.placement,
        };
        let (mut missing, mut conflicts) = (Vec::new(), Vec::new());
        for kind in self.output.kinds(made_here) {
            let path = self.output.directory.join(kind.file_name(device_id));
            let difference = match read_file(&path)? {
                FoundFile::Nothing => {
                    missing.push(kind);
                    continue;
                }
                FoundFile::NoFile => Some(FileDifference::NoFile),
                FoundFile::TooLong => Some(FileDifference::Damaged),
                FoundFile::Content(bytes) => expected.difference(kind, &bytes),
            };
            conflicts.extend(difference.map(|difference| Conflict::FileDiffers { path, difference }));
        }
        let standing = match missing.first() {
            None => Standing::Done,
            Some(_) if device.status != Status::Active && self.keys_delivered => Standing::Delivered,
            Some(kind) if device.status != Status::Active => {
                conflicts.push(Conflict::NotActive {
                    device_id: device_id.clone(),
                    status: device.status.to_string(),
                    path: self.output.directory.join(kind.file_name(device_id)),
                });
                Standing::Delivered
            }
            Some(_) if !made_here => Standing::Incomplete { missing, key: KeySource::Device },
            Some(_) => Standing::Incomplete { missing, key: self.find_key(order, &public_key)? },
        };
        Ok(if conflicts.is_empty() { Ok(standing) } else { Err(conflicts) })
    }

    /// The first file of a device that has its private key, whatever its format.
    fn find_key(&self, order: &Order, public_key: &P256PublicKey) -> Result<KeySource, IssuanceError> {
        for directory in [self.output.directory.as_path(), self.images] {
            for kind in FileKind::WITH_KEY {
                let path = directory.join(kind.file_name(&order.device_id));
                if let FoundFile::Content(bytes) = read_file(&path)?
                    && FileContent::read(&bytes).is_ok_and(|content| content.key_of(public_key).is_some())
                {
                    return Ok(KeySource::File(path));
                }
            }
        }
        Ok(KeySource::Nowhere)
    }
}

/// What is at the path of a device's file.
pub(super) enum FoundFile {
    Nothing,
    NoFile,
    TooLong,
    Content(Zeroizing<Vec<u8>>),
}

/// Reads a file of a device. One that cannot be read is an error, not absent.
pub(super) fn read_file(path: &Path) -> Result<FoundFile, IssuanceError> {
    match read_regular(path, LONGEST_FILE) {
        Ok(content) => Ok(FoundFile::Content(content)),
        Err(ReadError::TooLong { .. }) => Ok(FoundFile::TooLong),
        Err(ReadError::NotAFile { .. } | ReadError::Outside) => Ok(FoundFile::NoFile),
        Err(ReadError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            // A link to nothing has the name.
            let link = fs::symlink_metadata(path).is_ok();
            Ok(if link { FoundFile::NoFile } else { FoundFile::Nothing })
        }
        Err(ReadError::Io(source)) => Err(IssuanceError::Read { path: path.to_owned(), source }),
    }
}
