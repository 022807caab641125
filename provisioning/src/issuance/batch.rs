//! [`Batch`]: the devices of an order, issued a group at a time.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use device_identity::DeviceId;
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::standing::{FoundFile, KeySource, Standing, read_file};
use super::{CertificateSummary, Certifier, IssuanceError, Plan, RegisteredOrder};
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::delivery::{Delivery, FileSystem, OnExisting, StagedFiles, deliver_into};
use crate::fleet::Fleet;
use crate::image::{Content, FileContent, FileKind, ImageContext, KeyLocation, OutputOptions, Slot};
use crate::issuer::IssueError;
use crate::key::{KeyPair, P256PublicKey};
use crate::order::Order;
use crate::profile::Validity;
use crate::registry::{KeyOrigin, NewDevice, Registry, RegistryError};
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// How many devices one commit makes durable. A commit and its sync cost some milliseconds however many devices they
/// cover; at this number they cost less than the signatures.
pub(crate) const GROUP_SIZE: usize = 512;

/// How many groups may be certified before the disk has the one before them: it has none to wait for, and keys that
/// are in memory alone are few.
const GROUPS_AHEAD: usize = 1;

/// Everything a batch needs to know besides its orders.
pub(crate) struct Batch<'a> {
    /// The file system of the output directory.
    pub(crate) files: &'a dyn FileSystem,
    /// The fleet.
    pub(crate) fleet: &'a Fleet,
    /// What makes the certificates, under the device CA.
    pub(crate) certifier: Certifier<'a>,
    /// What all images have in common.
    pub(crate) image_context: &'a ImageContext,
    /// Which files are written, and where.
    pub(crate) output: &'a OutputOptions,
    /// The key slot that images name, of devices that made their own key.
    pub(crate) key_slot: u32,
    /// How many devices are made durable together.
    pub(crate) group_size: usize,
}

/// A device that was issued.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IssuedDevice {
    /// The device.
    pub(crate) device_id: DeviceId,
    /// Its certificate.
    #[serde(flatten)]
    pub(crate) certificate: CertificateSummary,
    /// The names of its files in the output directory.
    pub(crate) files: Vec<String>,
}

/// What a batch did.
#[derive(Debug, Default)]
pub(crate) struct BatchReport {
    /// The devices that were issued.
    pub(crate) issued: Vec<IssuedDevice>,
    /// How many devices were registered already.
    pub(crate) already_registered: usize,
    /// Missing files of registered devices that were written again.
    pub(crate) restored: Vec<PathBuf>,
    /// Missing files of registered devices whose key is in no file that was looked at.
    pub(crate) lost: Vec<PathBuf>,
}

/// A device that is certified, and neither written nor recorded.
struct CertifiedDevice<'a> {
    order: &'a Order,
    certificate: VerifiedCertificate,
    key_origin: KeyOrigin,
    files: Vec<(String, Content)>,
}

/// A group of them, or why there is none.
type CertifiedGroup<'a> = Result<Vec<CertifiedDevice<'a>>, IssuanceError>;

impl Batch<'_> {
    /// Issues what is planned. After each group, `progress` is told how many devices it made durable.
    pub(crate) fn run(
        &self,
        registry: &mut Registry,
        plan: &Plan,
        mut progress: impl FnMut(usize),
    ) -> Result<BatchReport, IssuanceError> {
        let group_size = self.group_size.max(1);
        deliver_into(self.files, self.fleet, registry, &self.output.directory, |delivery, registry| {
            let mut report =
                BatchReport { already_registered: plan.registered.len(), ..BatchReport::default() };
            delivery.probe(plan.new.iter().flat_map(|order| self.file_names(order)))?;
            for group in plan.registered.chunks(group_size) {
                self.restore_group(registry, delivery, group, &mut report)?;
                progress(group.len());
            }
            // The processor makes the next group while the disk takes this one.
            thread::scope(|scope| {
                let (certified, groups) = sync_channel(GROUPS_AHEAD);
                let certify = move || self.certify_groups(plan.new.chunks(group_size), &certified);
                thread::Builder::new().spawn_scoped(scope, certify).map_err(IssuanceError::Thread)?;
                for group in groups {
                    let group: Vec<_> = group?;
                    let devices = group.len();
                    self.deliver_group(registry, delivery, group, &mut report)?;
                    progress(devices);
                }
                Ok(report)
            })
        })
    }

    fn file_names(&self, order: &Order) -> Vec<String> {
        self.output.names(&order.device_id, order.request.is_none())
    }

    /// Certifies one group after the other, until a device cannot be certified or nobody takes what is sent.
    fn certify_groups<'p>(
        &self,
        groups: impl Iterator<Item = &'p [Order]>,
        certified: &SyncSender<CertifiedGroup<'p>>,
    ) {
        for orders in groups {
            let group: CertifiedGroup<'p> = orders.iter().map(|order| self.certify_device(order)).collect();
            let is_whole = group.is_ok();
            if certified.send(group).is_err() || !is_whole {
                break;
            }
        }
    }

    /// The certificate and the files of an ordered device.
    fn certify_device<'p>(&self, order: &'p Order) -> Result<CertifiedDevice<'p>, IssuanceError> {
        let (certificate, key) = self.certify(order)?;
        let slot = Slot::write(&certificate, &self.key_location(key.as_ref()), self.image_context)?;
        let chain = (certificate.der(), self.certifier.issuer.chain().issuing());
        let files = self.output.files(&order.device_id, &slot, chain, key.as_ref())?;
        let key_origin = if key.is_some() { KeyOrigin::Factory } else { KeyOrigin::Device };
        Ok(CertifiedDevice { order, certificate, key_origin, files })
    }

    /// Writes the files of a group, records it, and gives the files their names.
    fn deliver_group(
        &self,
        registry: &mut Registry,
        delivery: &Delivery<'_>,
        group: Vec<CertifiedDevice<'_>>,
        report: &mut BatchReport,
    ) -> Result<(), IssuanceError> {
        let mut staged = delivery.stage();
        for device in &group {
            for (name, content) in &device.files {
                staged.add(device.certificate.serial(), name, content, OnExisting::Keep)?;
            }
        }
        let devices: Vec<_> = group.iter().map(CertifiedDevice::as_new_device).collect();
        staged.deliver(|| registry.record_devices(&devices, self.certifier.now))?;
        report.issued.extend(group.into_iter().map(CertifiedDevice::into_issued));
        Ok(())
    }

    /// A certificate for an ordered device, and its key pair unless the device made its own.
    fn certify(&self, order: &Order) -> Result<(VerifiedCertificate, Option<KeyPair>), IssuanceError> {
        let subject = CertificateSubject::Device(order.device_id.clone());
        match &order.request {
            None => {
                self.certifier.certify_new_key(subject).map(|(certificate, key)| (certificate, Some(key)))
            }
            Some(request) => Ok((self.certifier.certify_request(subject, request)?, None)),
        }
    }

    pub(super) fn key_location<'k>(&self, key: Option<&'k KeyPair>) -> KeyLocation<'k> {
        key.map_or(KeyLocation::Slot(self.key_slot), KeyLocation::Image)
    }

    fn restore_group(
        &self,
        registry: &Registry,
        delivery: &Delivery<'_>,
        orders: &[RegisteredOrder],
        report: &mut BatchReport,
    ) -> Result<(), IssuanceError> {
        let mut staged = delivery.stage();
        for registered in orders {
            self.restore(registry, registered, &mut staged, report)?;
        }
        Ok(staged.deliver(|| Ok(()))?)
    }

    /// Writes the missing files of a registered device again, as far as its key is to be had.
    fn restore(
        &self,
        registry: &Registry,
        registered: &RegisteredOrder,
        staged: &mut StagedFiles<'_>,
        report: &mut BatchReport,
    ) -> Result<(), IssuanceError> {
        let Standing::Incomplete { missing, key } = &registered.standing else { return Ok(()) };
        let device_id = &registered.order.device_id;
        let certificate = self.reverify(registry, registered)?;
        let (slot, key) = match key {
            KeySource::Device => {
                let location = self.key_location(None);
                (Some(Slot::write(&certificate, &location, self.image_context)?), None)
            }
            KeySource::File(path) => self.read_source(path, &certificate)?,
            KeySource::Nowhere => (None, None),
        };
        for &kind in missing {
            let name = kind.file_name(device_id);
            let path = self.output.directory.join(&name);
            let content = match kind {
                FileKind::Image(format) => slot.as_ref().map(|slot| self.output.image(format, slot)),
                FileKind::Certificate => {
                    Some(Zeroizing::new(self.certifier.chain_pem(&certificate)?.into_bytes()))
                }
                FileKind::Key => match &key {
                    Some(key) => Some(Zeroizing::new(key.pem()?.as_bytes().to_vec())),
                    None => None,
                },
            };
            match content {
                Some(content) => {
                    staged.add(certificate.serial(), &name, &content, OnExisting::Keep)?;
                    report.restored.push(path);
                }
                None => report.lost.push(path),
            }
        }
        Ok(())
    }

    /// The slot and the key of a device from a file that has its key; the slot as it is, if the file has one.
    fn read_source(
        &self,
        path: &Path,
        certificate: &VerifiedCertificate,
    ) -> Result<(Option<Slot>, Option<KeyPair>), IssuanceError> {
        let FoundFile::Content(bytes) = read_file(path)? else { return Ok((None, None)) };
        let Ok(content) = FileContent::read(&bytes) else { return Ok((None, None)) };
        let Some(key) = content.key_of(certificate.public_key()) else { return Ok((None, None)) };
        let slot = match content.into_slot_with(certificate.der()) {
            Some(slot) => slot,
            None => Slot::write(certificate, &self.key_location(Some(&key)), self.image_context)?,
        };
        Ok((Some(slot), Some(key)))
    }

    /// A registered certificate, read and checked like a new one before it is written again.
    fn reverify(
        &self,
        registry: &Registry,
        registered: &RegisteredOrder,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        let device_id = &registered.order.device_id;
        let serial = registered.device.serial;
        let damaged =
            || RegistryError::Damaged { what: format!("the certificate of {device_id} does not read back") };
        let der = registry.certificate_der(&serial)?.ok_or_else(damaged)?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
        let validity = parsed.validity();
        let spec = CertificateSpec {
            subject: CertificateSubject::Device(device_id.clone()),
            organization: self.certifier.organization.clone(),
            public_key: P256PublicKey::from_spki(parsed.public_key()).map_err(|_| damaged())?,
            validity: Validity::of_existing(
                Timestamp::from_signed(validity.not_before.timestamp()),
                Timestamp::from_signed(validity.not_after.timestamp()),
            ),
            serial,
        };
        let verified = self.certifier.issuer.chain().verify_end_entity(&der, &spec, self.certifier.now);
        Ok(verified.map_err(IssueError::Verify)?)
    }
}

impl CertifiedDevice<'_> {
    fn into_issued(self) -> IssuedDevice {
        IssuedDevice {
            device_id: self.order.device_id.clone(),
            certificate: CertificateSummary::from(&self.certificate),
            files: self.files.into_iter().map(|(name, _)| name).collect(),
        }
    }

    fn as_new_device(&self) -> NewDevice<'_> {
        NewDevice {
            details: &self.order.details,
            shared_serial: self.order.shared_serial,
            order_digest: self.order.digest(),
            key_origin: self.key_origin,
            certificate: &self.certificate,
        }
    }
}
