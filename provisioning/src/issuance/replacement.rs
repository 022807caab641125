//! The same device again, with another key and certificate: a repaired board, a lost image, a wrong revocation.
//!
//! New files are staged; one transaction records the new certificate and the end of those before; the CRL is published;
//! and only then the new files take the place of the old ones. Whatever stops the process, the next command delivers the
//! staged files if the transaction was committed, and removes them if not.

use std::path::{Path, PathBuf};

use device_identity::DeviceId;

use super::plan::conflict_of_key;
use super::replaced_files::KnownCertificates;
use super::single::{SingleIssuer, refuse};
use super::standing::{Inspection, Standing};
use super::{Batch, CertificateSummary, IssuanceError, IssuedDevice};
use crate::certificate_subject::CertificateSubject;
use crate::csr::SigningRequest;
use crate::delivery::{FileSystem, OnExisting, deliver_into};
use crate::image::Slot;
use crate::order::Order;
use crate::registry::{ChangeOutcome, Ending, KeyOrigin, Registry};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// What a replacement did.
pub(crate) struct Replaced<T, P> {
    /// What was issued.
    pub(crate) issued: T,
    /// What became of the certificates before it.
    pub(crate) ended: Vec<ChangeOutcome>,
    /// What publishing the CRL gave, before the files were delivered.
    pub(crate) published: P,
}

impl Batch<'_> {
    /// Gives a registered device another key and certificate, and ends those before as `ending` says. `publish` publishes
    /// the CRL.
    pub(crate) fn replace<P>(
        &self,
        registry: &mut Registry,
        device_id: &DeviceId,
        ending: Ending,
        publish: impl FnOnce(&mut Registry) -> P,
    ) -> Result<Replaced<IssuedDevice, P>, IssuanceError> {
        let now = self.certifier.now;
        let paths =
            self.output.names(device_id, true).into_iter().map(|name| self.output.directory.join(name));
        refuse_files(registry, self.files, device_id, paths, now)?;
        let subject = CertificateSubject::Device(device_id.clone());
        let (certificate, key) = self.certifier.certify_new_key(subject)?;
        let slot = Slot::write(&certificate, &self.key_location(Some(&key)), self.image_context)?;
        let chain = (certificate.der(), self.certifier.issuer.chain().issuing());
        let files = self.output.files(device_id, &slot, chain, Some(&key))?;
        let (ended, published) =
            deliver_into(self.files, self.fleet, registry, &self.output.directory, |delivery, registry| {
                let mut staged = delivery.stage();
                for (name, content) in &files {
                    staged.add(certificate.serial(), name, content, OnExisting::Replace)?;
                }
                let record = || {
                    let ended = registry.record_replacement(&certificate, KeyOrigin::Factory, ending, now)?;
                    Ok((ended, publish(registry)))
                };
                staged.deliver(record).map_err(IssuanceError::from)
            })?;
        let issued = IssuedDevice {
            device_id: device_id.clone(),
            certificate: CertificateSummary::from(&certificate),
            files: files.into_iter().map(|(name, _)| name).collect(),
        };
        Ok(Replaced { issued, ended, published })
    }
}

impl SingleIssuer<'_> {
    /// Certifies the next key of a registered device, which made it itself, into the file `name` of `directory`, and ends
    /// the certificates before as `ending` says. `publish` publishes the CRL.
    pub(crate) fn replace_requested<P>(
        &mut self,
        device_id: &DeviceId,
        request: &SigningRequest,
        (directory, name): (&Path, &str),
        ending: Ending,
        publish: impl FnOnce(&mut Registry) -> P,
    ) -> Result<Replaced<CertificateSummary, P>, IssuanceError> {
        let now = self.now.time();
        refuse(conflict_of_key(self.registry, device_id, request)?)?;
        refuse_files(self.registry, self.files, device_id, [directory.join(name)], now)?;
        let certifier = self.certifier()?;
        let certificate =
            certifier.certify_request(CertificateSubject::Device(device_id.clone()), request)?;
        let chain = certifier.chain_pem(&certificate)?;
        let files = [(name, chain.as_str())];
        let (ended, published) =
            self.deliver(directory, &certificate, &files, OnExisting::Replace, |registry| {
                let ended = registry.record_replacement(&certificate, KeyOrigin::Device, ending, now)?;
                Ok((ended, publish(registry)))
            })?;
        Ok(Replaced { issued: CertificateSummary::from(&certificate), ended, published })
    }
}

impl Inspection<'_> {
    /// The newest certificate of a device if it is one of this program's keys, and all its files are there and right.
    pub(crate) fn complete(
        &self,
        registry: &Registry,
        device_id: &DeviceId,
        now: Timestamp,
    ) -> Result<Option<SerialNumber>, IssuanceError> {
        let Some(device) = registry.registered(device_id, now)? else { return Ok(None) };
        if device.key_origin != KeyOrigin::Factory {
            return Ok(None);
        }
        let order = Order::for_device(device_id.clone(), None);
        let standing = self.judge(registry, &order, &device)?;
        Ok(standing.is_ok_and(|standing| standing == Standing::Done).then_some(device.serial))
    }
}

/// The files of a device that hold what was replaced, in these directories.
pub(crate) fn outdated_files(
    registry: &Registry,
    device_id: &DeviceId,
    directories: [&Path; 2],
    newest: SerialNumber,
    now: Timestamp,
) -> Result<Vec<PathBuf>, IssuanceError> {
    KnownCertificates::of(registry, device_id, now)?.outdated(directories, newest)
}

fn refuse_files(
    registry: &Registry,
    files: &dyn FileSystem,
    device_id: &DeviceId,
    paths: impl IntoIterator<Item = PathBuf>,
    now: Timestamp,
) -> Result<(), IssuanceError> {
    let conflicts = KnownCertificates::of(registry, device_id, now)?.conflicts(files, paths)?;
    if conflicts.is_empty() { Ok(()) } else { Err(IssuanceError::Conflicts(conflicts)) }
}
