//! Credentials for one holder: the broker, a service, a device that made its own key.

use std::path::Path;

use device_identity::{DeviceId, ServiceName};
use ring::rand::SecureRandom;

use super::{Clash, IssuanceError};
use crate::broker::Hosts;
use crate::csr::SigningRequest;
use crate::delivery::Delivery;
use crate::fleet::Fleet;
use crate::grant::Grant;
use crate::holder::Holder;
use crate::image::chain_pem;
use crate::issuer::Issuer;
use crate::key::{KeyPair, KeyPairError, P256PublicKey};
use crate::order::Order;
use crate::pem::PemError;
use crate::profile::Validity;
use crate::registry::{KeyOrigin, Kind, NewDevice, RecordError, Registry};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// What is needed to make credentials for one holder.
pub struct Workbench<'a> {
    /// The fleet.
    pub fleet: &'a Fleet,
    /// Its registry.
    pub registry: &'a mut Registry,
    /// The authority of the holder.
    pub issuer: &'a Issuer,
    /// How long the certificate lives, in days.
    pub days: u32,
    /// Random numbers.
    pub rng: &'a dyn SecureRandom,
    /// The time.
    pub now: Timestamp,
}

impl Workbench<'_> {
    /// Makes a certificate and key for the broker, under all its names.
    pub fn certify_broker(&mut self, hosts: Hosts) -> Result<VerifiedCertificate, IssuanceError> {
        let key = KeyPair::generate(self.rng)?;
        let certificate = self.certify(Holder::Broker(hosts), key.public())?;
        let (chain, key) = (self.chain(&certificate)?, key.pem()?);
        let files = [("cert.pem", chain.as_str()), ("key.pem", key.as_str())];
        self.deliver(&self.fleet.broker(), &certificate, &files, |registry| {
            registry.record_broker(&certificate)
        })?;
        Ok(certificate)
    }

    /// Makes a certificate and key for a service; with `renew`, the next one of a service there is.
    pub fn certify_service(
        &mut self,
        name: &ServiceName,
        renew: bool,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        let (certificate_name, key_name) = (Fleet::service_certificate(name), Fleet::service_key(name));
        let existing = self.registry.kind_of(name.as_str())?;
        match (existing, renew) {
            (Some(Kind::Device), _) => return Err(clash(Clash::Device { name: name.to_string() })),
            (Some(Kind::Service), false) => {
                return Err(clash(Clash::RegisteredService { name: name.to_string() }));
            }
            (Some(Kind::Service), true) => {}
            (None, _) => {
                refuse_existing(&self.fleet.services(), &[&certificate_name, &key_name], name.as_str())?;
            }
        }
        let key = KeyPair::generate(self.rng)?;
        let certificate = self.certify(Holder::Service(name.clone()), key.public())?;
        let (chain, key) = (self.chain(&certificate)?, key.pem()?);
        let files = [(certificate_name.as_str(), chain.as_str()), (key_name.as_str(), key.as_str())];
        self.deliver(&self.fleet.services(), &certificate, &files, |registry| {
            registry.record_service(&certificate, existing.is_some())
        })?;
        Ok(certificate)
    }

    /// Certifies a device that made its own key, into the file `name` of `directory`.
    pub fn certify_request(
        &mut self,
        device_id: &DeviceId,
        request: &SigningRequest,
        (directory, name): (&Path, &str),
    ) -> Result<VerifiedCertificate, IssuanceError> {
        match self.registry.kind_of(device_id.as_str())? {
            Some(Kind::Device) => return Err(clash(Clash::Registered { device_id: device_id.clone() })),
            Some(Kind::Service) => return Err(clash(Clash::Service { name: device_id.to_string() })),
            None => {}
        }
        if let Some(holder) = self.registry.holder_of_key(&request.public_key().spki_sha256())? {
            return Err(clash(Clash::PublicKey { device_id: device_id.clone(), holder }));
        }
        refuse_existing(directory, &[name], device_id.as_str())?;
        let holder = Holder::Device(device_id.clone());
        let certificate = self.certify(holder, request.public_key())?;
        let chain = self.chain(&certificate)?;
        let order = Order::for_device(device_id.clone(), Some(request.clone()));
        let now = self.now;
        self.deliver(directory, &certificate, &[(name, chain.as_str())], |registry| {
            let device = NewDevice {
                details: &order.details,
                order_digest: order.digest(),
                key_origin: KeyOrigin::Device,
                certificate: &certificate,
            };
            registry.record_devices(&[device], now)
        })?;
        Ok(certificate)
    }

    fn chain(&self, certificate: &VerifiedCertificate) -> Result<String, PemError> {
        chain_pem(certificate.der(), self.issuer.chain().issuing())
    }

    fn certify(
        &self,
        holder: Holder,
        public_key: &P256PublicKey,
    ) -> Result<VerifiedCertificate, IssuanceError> {
        let grant = Grant {
            holder,
            organization: self.registry.settings()?.organization,
            public_key: public_key.clone(),
            validity: Validity::new(self.now, self.days, self.issuer.chain().not_after())?,
            serial: SerialNumber::generate(self.rng).map_err(|_| KeyPairError::Random)?,
        };
        Ok(self.issuer.issue(&grant, self.now)?)
    }

    fn deliver(
        &mut self,
        directory: &Path,
        certificate: &VerifiedCertificate,
        files: &[(&str, &str)],
        record: impl FnOnce(&mut Registry) -> Result<(), RecordError>,
    ) -> Result<(), IssuanceError> {
        let delivery = Delivery::open(self.fleet, self.registry, directory)?;
        let mut group = delivery.group();
        for (name, content) in files {
            group.stage(certificate.serial(), name, content.as_bytes())?;
        }
        group.deliver(|| record(self.registry))?;
        Ok(delivery.close(self.registry)?)
    }
}

fn clash(clash: Clash) -> IssuanceError {
    IssuanceError::Clashes(vec![clash])
}

fn refuse_existing(directory: &Path, names: &[&str], whose: &str) -> Result<(), IssuanceError> {
    match names.iter().map(|name| directory.join(name)).find(|path| path.exists()) {
        Some(path) => Err(clash(Clash::File { path, name: whose.to_owned() })),
        None => Ok(()),
    }
}
