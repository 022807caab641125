//! [`SingleIssuer`]: credentials for one subject: the broker, a service, a device that made its own key.

use std::path::Path;

use device_identity::{DeviceId, ServiceName};
use ring::rand::SecureRandom;

use super::certify::Certifier;
use super::plan::{case_twins, conflict_of_device, conflict_of_files};
use super::{IssuanceError, ReservedName};
use crate::broker::Hosts;
use crate::certificate_subject::CertificateSubject;
use crate::conflict::Conflict;
use crate::csr::SigningRequest;
use crate::delivery::{FileSystem, OnExisting, deliver_into};
use crate::fleet::Fleet;
use crate::issuer::Issuer;
use crate::order::Order;
use crate::pem::{self, Label};
use crate::profile::Validity;
use crate::registry::{IdentityKind, KeyOrigin, NewDevice, RecordError, Registry};
use crate::timestamp::TrustedNow;
use crate::verify::VerifiedCertificate;

/// Issues credentials for one subject.
pub(crate) struct SingleIssuer<'a> {
    /// The file system of the output directory.
    pub(crate) files: &'a dyn FileSystem,
    /// The fleet.
    pub(crate) fleet: &'a Fleet,
    /// Its registry.
    pub(crate) registry: &'a mut Registry,
    /// The issuing CA of the subject's authority.
    pub(crate) issuer: &'a Issuer,
    /// The lifetime of the certificate, in days.
    pub(crate) days: u32,
    /// The source of keys and serial numbers.
    pub(crate) rng: &'a (dyn SecureRandom + Sync),
    /// The current time.
    pub(crate) now: TrustedNow,
}

impl SingleIssuer<'_> {
    /// Makes a certificate and key for the broker, under all its host names.
    pub(crate) fn issue_broker(&mut self, hosts: Hosts) -> Result<VerifiedCertificate, IssuanceError> {
        let certifier = self.certifier()?;
        let (certificate, key) = certifier.certify_new_key(CertificateSubject::Broker(hosts))?;
        let (chain, key) = (certifier.chain_pem(&certificate)?, key.pem()?);
        let files = [("cert.pem", chain.as_str()), ("key.pem", key.as_str())];
        self.deliver(&self.fleet.broker(), &certificate, &files, OnExisting::Replace, |registry| {
            registry.record_broker(&certificate)
        })?;
        Ok(certificate)
    }

    /// Makes a certificate and key for a service, and writes `anchor`, by which it knows the broker, beside them; with `renew`, the next certificate of a registered service.
    pub(crate) fn issue_service(
        &mut self,
        name: &ServiceName,
        anchor: &[u8],
        renew: bool,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        let (certificate_name, key_name) = (Fleet::service_certificate(name), Fleet::service_key(name));
        let anchor_name = Fleet::service_anchor(name);
        let directory = self.fleet.services();
        let existing = self.registry.kind_of(name.as_str())?;
        let conflict = match (existing, renew) {
            (Some(IdentityKind::Device), _) => Some(Conflict::NameOfDevice { name: name.to_string() }),
            (Some(IdentityKind::Service), false) => Some(Conflict::ServiceExists { name: name.to_string() }),
            (Some(IdentityKind::Service), true) => None,
            (None, _) => {
                let files = [&certificate_name, &key_name, &anchor_name].map(|file| directory.join(file));
                conflict_of_files(files, name.as_str())
            }
        };
        refuse(conflict)?;
        if existing.is_none() {
            refuse(case_twins(self.registry, [name.as_str()])?.pop())?;
        }
        let certifier = self.certifier()?;
        let (certificate, key) = certifier.certify_new_key(CertificateSubject::Service(name.clone()))?;
        let (chain, key) = (certifier.chain_pem(&certificate)?, key.pem()?);
        let anchor = pem::encode(Label::Certificate, anchor)?;
        let files = [
            (certificate_name.as_str(), chain.as_str()),
            (key_name.as_str(), key.as_str()),
            (anchor_name.as_str(), anchor.as_str()),
        ];
        let on_existing = if existing.is_some() { OnExisting::Replace } else { OnExisting::Keep };
        self.deliver(&directory, &certificate, &files, on_existing, |registry| {
            registry.record_service(&certificate, existing.is_some())
        })?;
        Ok(certificate)
    }

    /// Certifies a device that made its own key, into the file `name` of `directory`.
    pub(crate) fn issue_requested(
        &mut self,
        device_id: &DeviceId,
        request: &SigningRequest,
        (directory, name): (&Path, &str),
    ) -> Result<VerifiedCertificate, IssuanceError> {
        refuse(conflict_of_device(self.registry, device_id, Some(request), [directory.join(name)])?)?;
        if let Some(reserved) = ReservedName::of_device(device_id) {
            return Err(IssuanceError::Reserved(vec![reserved]));
        }
        refuse(case_twins(self.registry, [device_id.as_str()])?.pop())?;
        let certifier = self.certifier()?;
        let certificate =
            certifier.certify_request(CertificateSubject::Device(device_id.clone()), request)?;
        let chain = certifier.chain_pem(&certificate)?;
        let order = Order::for_device(device_id.clone(), Some(request.clone()));
        let now = self.now.time();
        self.deliver(directory, &certificate, &[(name, chain.as_str())], OnExisting::Keep, |registry| {
            let device = NewDevice {
                details: &order.details,
                shared_serial: order.shared_serial,
                order_digest: order.digest(),
                key_origin: KeyOrigin::Device,
                certificate: &certificate,
            };
            registry.record_devices(&[device], now)
        })?;
        Ok(certificate)
    }

    /// Built after the check for conflicts, so that a conflict is reported before a lifetime that is too long.
    pub(super) fn certifier(&self) -> Result<Certifier<'_>, IssuanceError> {
        Ok(Certifier {
            issuer: self.issuer,
            organization: self.registry.settings()?.organization,
            validity: Validity::new(self.now, self.days, self.issuer.chain().not_after())?,
            rng: self.rng,
            now: self.now.time(),
        })
    }

    pub(super) fn deliver<T>(
        &mut self,
        directory: &Path,
        certificate: &VerifiedCertificate,
        files: &[(&str, &str)],
        on_existing: OnExisting,
        record: impl FnOnce(&mut Registry) -> Result<T, RecordError>,
    ) -> Result<T, IssuanceError> {
        deliver_into(self.files, self.fleet, self.registry, directory, |delivery, registry| {
            let mut staged = delivery.stage();
            for (name, content) in files {
                staged.add(certificate.serial(), name, content.as_bytes(), on_existing)?;
            }
            Ok(staged.deliver(|| record(registry))?)
        })
    }
}

pub(super) fn refuse(conflict: Option<Conflict>) -> Result<(), IssuanceError> {
    conflict.map_or(Ok(()), |conflict| Err(IssuanceError::Conflicts(vec![conflict])))
}
