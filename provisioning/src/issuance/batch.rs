//! [`Batch`]: an order, made a group of devices at a time.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use device_identity::DeviceId;
use ring::rand::SecureRandom;
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::{IssuanceError, Plan, Planned};
use crate::delivery::{Delivery, Group, recover};
use crate::digest::Sha256;
use crate::fleet::Fleet;
use crate::grant::Grant;
use crate::holder::Holder;
use crate::image::{Format, KeyPlace, Output, Slot, Surroundings, chain_pem};
use crate::issuer::{IssueError, Issuer};
use crate::key::{KeyPair, KeyPairError, P256PublicKey};
use crate::order::Order;
use crate::organization::Organization;
use crate::profile::Validity;
use crate::registry::{KeyOrigin, NewDevice, Registry, RegistryError};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// How many devices one commit makes durable. A commit and its sync cost some milliseconds however many they cover;
/// at this number they cost less than the signatures.
pub const GROUP: usize = 256;

/// Everything a batch needs to know besides its orders.
pub struct Batch<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// The device CA.
    pub issuer: &'a Issuer,
    /// The O attribute.
    pub organization: &'a Organization,
    /// What the images have in common.
    pub surroundings: &'a Surroundings,
    /// Where the files go, and which.
    pub output: &'a Output,
    /// For devices that made their own key: the slot their image names.
    pub key_slot: u32,
    /// How long the certificates live.
    pub validity: Validity,
    /// How many devices are made durable together.
    pub group: usize,
    /// Random numbers.
    pub rng: &'a dyn SecureRandom,
    /// The time.
    pub now: Timestamp,
}

/// A device that was made.
#[derive(Clone, Debug, Serialize)]
pub struct IssuedDevice {
    /// What it is called.
    pub device_id: DeviceId,
    /// The serial of its certificate.
    pub serial: SerialNumber,
    /// The digest of its certificate.
    pub fingerprint_sha256: Sha256,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Its files, in the output directory.
    pub files: Vec<String>,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Report {
    /// The devices that were made.
    pub issued: Vec<IssuedDevice>,
    /// The devices that were there already.
    pub already_registered: usize,
    /// Files of those that were missing and put back.
    pub restored: Vec<PathBuf>,
    /// Files of those that are missing and hold a key that was in no other file.
    pub lost: Vec<PathBuf>,
}

/// What was made for a device of the group at hand.
struct Made<'a> {
    order: &'a Order,
    certificate: VerifiedCertificate,
    key_origin: KeyOrigin,
}

impl Batch<'_> {
    /// Makes what is planned. After each group, `progress` is told how many devices are on disk now.
    pub fn run(
        &self,
        registry: &mut Registry,
        plan: &Plan,
        mut progress: impl FnMut(usize),
    ) -> Result<Report, IssuanceError> {
        let delivery = Delivery::open(self.fleet, registry, &self.output.directory)?;
        match self.make(registry, plan, &delivery, &mut progress) {
            Ok(report) => {
                delivery.close(registry)?;
                Ok(report)
            }
            Err(error) => {
                // What was staged and not registered is waste. If it cannot be removed now, the next start will, and
                // the first error is the one to report.
                let _ = recover(self.fleet, registry);
                Err(error)
            }
        }
    }

    fn make(
        &self,
        registry: &mut Registry,
        plan: &Plan,
        delivery: &Delivery,
        progress: &mut impl FnMut(usize),
    ) -> Result<Report, IssuanceError> {
        let mut report = Report { already_registered: plan.done.len(), ..Report::default() };
        for done in plan.done.chunks(self.group.max(1)) {
            let mut group = delivery.group();
            for planned in done {
                self.restore(registry, planned, &mut group, &mut report)?;
            }
            group.deliver(|| Ok(()))?;
            progress(done.len());
        }
        for orders in plan.new.chunks(self.group.max(1)) {
            self.make_group(registry, delivery, orders, &mut report)?;
            progress(orders.len());
        }
        Ok(report)
    }

    fn make_group(
        &self,
        registry: &mut Registry,
        delivery: &Delivery,
        orders: &[Order],
        report: &mut Report,
    ) -> Result<(), IssuanceError> {
        let mut group = delivery.group();
        let mut made = Vec::with_capacity(orders.len());
        let mut issued = Vec::with_capacity(orders.len());
        for order in orders {
            let (certificate, key) = self.certify(order)?;
            let slot = Slot::write(&certificate, &self.key_place(key.as_ref()), self.surroundings)?;
            let chain = (certificate.der(), self.issuer.chain().issuing());
            let files = self.output.files(&order.device_id, &slot, chain, key.as_ref())?;
            for (name, content) in &files {
                group.stage(certificate.serial(), name, content)?;
            }
            issued.push(IssuedDevice {
                device_id: order.device_id.clone(),
                serial: certificate.serial(),
                fingerprint_sha256: certificate.fingerprint(),
                not_before: certificate.validity().not_before(),
                not_after: certificate.validity().not_after(),
                files: files.into_iter().map(|(name, _)| name).collect(),
            });
            let key_origin = if key.is_some() { KeyOrigin::Factory } else { KeyOrigin::Device };
            made.push(Made { order, certificate, key_origin });
        }
        let devices: Vec<_> = made.iter().map(Made::as_new_device).collect();
        group.deliver(|| registry.record_devices(&devices, self.now))?;
        report.issued.extend(issued);
        Ok(())
    }

    /// A certificate for an ordered device, and the key if it was made here.
    fn certify(&self, order: &Order) -> Result<(VerifiedCertificate, Option<KeyPair>), IssuanceError> {
        let key = match &order.request {
            None => Some(KeyPair::generate(self.rng)?),
            Some(_) => None,
        };
        let public_key = match (&key, &order.request) {
            (Some(key), _) => key.public(),
            (None, Some(request)) => request.public_key(),
            (None, None) => return Err(KeyPairError::Malformed.into()),
        };
        let serial = SerialNumber::generate(self.rng).map_err(|_| KeyPairError::Random)?;
        let grant = self.grant(&order.device_id, public_key.clone(), serial, self.validity);
        Ok((self.issuer.issue(&grant, self.now)?, key))
    }

    fn grant(
        &self,
        device_id: &DeviceId,
        public_key: P256PublicKey,
        serial: SerialNumber,
        validity: Validity,
    ) -> Grant {
        let holder = Holder::Device(device_id.clone());
        Grant { holder, organization: self.organization.clone(), public_key, validity, serial }
    }

    fn key_place<'k>(&self, key: Option<&'k KeyPair>) -> KeyPlace<'k> {
        key.map_or(KeyPlace::Slot(self.key_slot), KeyPlace::Image)
    }

    /// Puts back the files of a registered device that can be: certificates always, images if the key is on the device
    /// or in another image beside them.
    fn restore(
        &self,
        registry: &Registry,
        planned: &Planned,
        group: &mut Group<'_>,
        report: &mut Report,
    ) -> Result<(), IssuanceError> {
        let device_id = &planned.order.device_id;
        let made_here = planned.registered.key_origin == KeyOrigin::Factory;
        let directory = &self.output.directory;
        let missing: BTreeSet<String> = self
            .output
            .names(device_id, made_here)
            .into_iter()
            .filter(|name| !directory.join(name).exists())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let certificate = self.reverify(registry, planned)?;
        let chain = chain_pem(certificate.der(), self.issuer.chain().issuing())?;
        let slot = if made_here {
            self.existing_slot(device_id, certificate.der())?
        } else {
            Some(Slot::write(&certificate, &self.key_place(None), self.surroundings)?)
        };
        let mut restored = BTreeSet::new();
        for &format in &self.output.formats {
            let (name, content) = match (format, &slot) {
                (Format::Pem, _) => {
                    (crate::image::certificate_name(device_id), Zeroizing::new(chain.clone().into_bytes()))
                }
                (image, Some(slot)) => (format!("{device_id}.{image}"), self.output.image(image, slot)),
                (_, None) => continue,
            };
            if missing.contains(&name) {
                group.stage(certificate.serial(), &name, &content)?;
                restored.insert(name);
            }
        }
        report.lost.extend(missing.difference(&restored).map(|name| directory.join(name)));
        report.restored.extend(restored.into_iter().map(|name| directory.join(name)));
        Ok(())
    }

    /// A registered certificate, read and checked like a new one before it leaves again.
    fn reverify(&self, registry: &Registry, planned: &Planned) -> Result<VerifiedCertificate, IssuanceError> {
        let damaged = || RegistryError::Damaged {
            what: format!("the certificate of {} does not read back", planned.order.device_id),
        };
        let der = registry.certificate_der(&planned.registered.serial)?.ok_or_else(damaged)?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
        let public_key = P256PublicKey::from_spki(parsed.public_key()).map_err(|_| damaged())?;
        let moment = |unix: i64| Timestamp::from_unix(u64::try_from(unix).unwrap_or(0));
        let validity = Validity::of_existing(
            moment(parsed.validity().not_before.timestamp()),
            moment(parsed.validity().not_after.timestamp()),
        );
        let grant = self.grant(&planned.order.device_id, public_key, planned.registered.serial, validity);
        let verified = self.issuer.chain().verify_end_entity(&der, &grant, self.now);
        Ok(verified.map_err(IssueError::Verify)?)
    }

    /// The image of a device that is still in the output directory as `.bin`.
    fn existing_slot(&self, device_id: &DeviceId, certificate: &[u8]) -> Result<Option<Slot>, IssuanceError> {
        let path = self.output.directory.join(format!("{device_id}.{}", Format::Bin));
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == device_identity::image::SLOT_LEN as u64 => {
                let bytes = fs::read(&path).map_err(|source| IssuanceError::Read { path, source })?;
                Ok(Slot::existing(Zeroizing::new(bytes), device_id, certificate))
            }
            _ => Ok(None),
        }
    }
}

impl Made<'_> {
    fn as_new_device(&self) -> NewDevice<'_> {
        NewDevice {
            details: &self.order.details,
            order_digest: self.order.digest(),
            key_origin: self.key_origin,
            certificate: &self.certificate,
        }
    }
}
