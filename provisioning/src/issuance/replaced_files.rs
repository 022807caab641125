//! The files of a device whose certificate is replaced: which of them the new ones may replace, and which are left over.

use std::path::{Path, PathBuf};

use device_identity::DeviceId;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::IssuanceError;
use super::standing::{FoundFile, read_file};
use crate::conflict::{Conflict, FileDifference};
use crate::delivery::{FileSystem, Occupant};
use crate::image::{FileContent, FileKind};
use crate::key::P256PublicKey;
use crate::registry::{Registry, RegistryError};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// The certificates of a device, by which its files are known.
pub(super) struct KnownCertificates<'a> {
    device_id: &'a DeviceId,
    certificates: Vec<KnownCertificate>,
}

struct KnownCertificate {
    serial: SerialNumber,
    der: Vec<u8>,
    public_key: P256PublicKey,
}

impl<'a> KnownCertificates<'a> {
    /// Reads them from the registry.
    pub(super) fn of(
        registry: &Registry,
        device_id: &'a DeviceId,
        now: Timestamp,
    ) -> Result<Self, RegistryError> {
        let damaged =
            || RegistryError::Damaged { what: format!("a certificate of {device_id} does not read back") };
        let read = |serial: SerialNumber| {
            let der = registry.certificate_der(&serial)?.ok_or_else(damaged)?;
            let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
            let public_key = P256PublicKey::from_spki(parsed.public_key()).map_err(|_| damaged())?;
            Ok::<_, RegistryError>(KnownCertificate { serial, public_key, der })
        };
        let records = registry.certificates_of(device_id.as_str(), now)?;
        let certificates = records.into_iter().map(|record| read(record.serial)).collect::<Result<_, _>>()?;
        Ok(Self { device_id, certificates })
    }

    /// What keeps these files from being replaced: only files of this device are, and no link or directory.
    pub(super) fn conflicts(
        &self,
        files: &dyn FileSystem,
        paths: impl IntoIterator<Item = PathBuf>,
    ) -> Result<Vec<Conflict>, IssuanceError> {
        let mut conflicts = Vec::new();
        for path in paths {
            let occupant = files.occupant(&path);
            let occupant = occupant.map_err(|source| IssuanceError::Read { path: path.clone(), source })?;
            let difference = match occupant {
                Occupant::Nothing | Occupant::EmptyFile => None,
                Occupant::Other => Some(FileDifference::NoFile),
                Occupant::File(_) => match read_file(&path)? {
                    FoundFile::Content(bytes) => self.certificate_of(&bytes).err(),
                    FoundFile::TooLong => Some(FileDifference::Damaged),
                    FoundFile::Nothing | FoundFile::NoFile => None,
                },
            };
            conflicts.extend(difference.map(|difference| Conflict::FileKept { path, difference }));
        }
        Ok(conflicts)
    }

    /// The files in these directories that hold an image or a key of another certificate than this one.
    pub(super) fn outdated(
        &self,
        directories: [&Path; 2],
        newest: SerialNumber,
    ) -> Result<Vec<PathBuf>, IssuanceError> {
        let mut outdated = Vec::new();
        for kind in FileKind::WITH_KEY {
            for directory in directories {
                let path = directory.join(kind.file_name(self.device_id));
                if let FoundFile::Content(bytes) = read_file(&path)?
                    && self.certificate_of(&bytes).is_ok_and(|serial| serial != newest)
                    && !outdated.contains(&path)
                {
                    outdated.push(path);
                }
            }
        }
        Ok(outdated)
    }

    /// The certificate that a file belongs to; or why it is no file of this device.
    fn certificate_of(&self, bytes: &[u8]) -> Result<SerialNumber, FileDifference> {
        let content = FileContent::read(bytes).map_err(|_| FileDifference::Damaged)?;
        let with_certificate =
            |der: &[u8]| self.certificates.iter().find(|known| known.der == der).map(|known| known.serial);
        match &content {
            FileContent::Image { slot, .. } => {
                let (device_id, certificate) = slot.holder().ok_or(FileDifference::Damaged)?;
                if device_id != *self.device_id {
                    return Err(FileDifference::Device { found: device_id.to_string() });
                }
                with_certificate(certificate).ok_or(FileDifference::Certificate)
            }
            FileContent::Certificates(chain) => {
                chain.first().and_then(|leaf| with_certificate(leaf)).ok_or(FileDifference::Certificate)
            }
            FileContent::Key(_) => {
                let known =
                    self.certificates.iter().find(|known| content.key_of(&known.public_key).is_some());
                known.map(|known| known.serial).ok_or(FileDifference::Key)
            }
        }
    }
}
