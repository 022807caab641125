//! [`Origin`]: the fleet that a device is of, as far as its files need it.

use std::path::Path;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::error::ConvertError;
use crate::authority::Authority;
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::digest::Sha256;
use crate::fleet::Fleet;
use crate::image::{ImageContext, KeyLocation, Slot};
use crate::issuer::read_chain;
use crate::key::P256PublicKey;
use crate::profile::{NOT_BEFORE_BACKDATING, Validity};
use crate::registry::{Registry, Settings, Status};
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::{Chain, IssuedCertificate, VerifiedCertificate};

/// The fleet that a device is of, as far as its files need it.
pub(crate) struct Origin {
    device_chain: Chain,
    broker_root: Vec<u8>,
    settings: Settings,
    registry: Registry,
    now: Timestamp,
}

impl Origin {
    /// Reads the CA certificates and the settings of a fleet. No key of a CA is needed.
    pub(crate) fn open(fleet: &Fleet, now: Timestamp) -> Result<Self, ConvertError> {
        let registry = Registry::open(&fleet.registry())?;
        Ok(Self {
            device_chain: read_chain(fleet, Authority::Device, now)?,
            broker_root: read_chain(fleet, Authority::Broker, now)?.root().to_vec(),
            settings: registry.settings()?,
            registry,
            now,
        })
    }

    /// The certificate of the issuing CA, DER, if it issued the certificate that was read from `path`.
    pub(super) fn issuing_of(&self, path: &Path, certificate: &[u8]) -> Result<&[u8], ConvertError> {
        self.recognized(path, certificate)?;
        Ok(self.device_chain.issuing())
    }

    /// The slot of a device of this fleet, as it was written when the certificate was issued.
    pub(super) fn slot(
        &self,
        path: &Path,
        certificate: &[u8],
        key: &KeyLocation<'_>,
    ) -> Result<Slot, ConvertError> {
        let certificate = self.verified(path, certificate)?;
        let context = ImageContext {
            broker_root: self.broker_root.clone(),
            device_root: self.device_chain.root().to_vec(),
            broker: self.settings.broker.clone(),
            time_floor: certificate.validity().not_before().after(NOT_BEFORE_BACKDATING),
        };
        Ok(Slot::write(&certificate, key, &context)?)
    }

    /// The status of a certificate in the registry, unless it is active; `None` if it is, or is not there.
    pub(crate) fn status_unless_active(
        &self,
        device_id: &str,
        certificate: &[u8],
    ) -> Result<Option<Status>, ConvertError> {
        let fingerprint = Sha256::of(certificate);
        let mut records = self.registry.certificates_of(device_id, self.now)?.into_iter();
        let record = records.find(|record| record.fingerprint_sha256 == fingerprint);
        Ok(record.map(|record| record.status).filter(|status| *status != Status::Active))
    }

    fn recognized(&self, path: &Path, certificate: &[u8]) -> Result<IssuedCertificate, ConvertError> {
        let recognized = self.device_chain.recognize(Authority::Device, certificate);
        recognized.ok_or_else(|| ConvertError::NotIssuedHere { path: path.to_owned() })
    }

    /// A certificate of a file, checked like a new one.
    fn verified(&self, path: &Path, der: &[u8]) -> Result<VerifiedCertificate, ConvertError> {
        let issued = self.recognized(path, der)?;
        let not_a_device = || ConvertError::NotADevice { path: path.to_owned() };
        let device_id = issued.common_name().and_then(|name| name.parse().ok()).ok_or_else(not_a_device)?;
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| not_a_device())?;
        let serial = issued.serial().content().try_into().ok().and_then(SerialNumber::from_bytes);
        let spec = CertificateSpec {
            subject: CertificateSubject::Device(device_id),
            organization: self.settings.organization.clone(),
            public_key: P256PublicKey::from_spki(parsed.public_key()).map_err(|_| not_a_device())?,
            validity: Validity::of_existing(issued.not_before(), issued.not_after()),
            serial: serial.ok_or_else(not_a_device)?,
        };
        let verified = self.device_chain.verify_end_entity(der, &spec, self.now);
        verified.map_err(|error| ConvertError::Certificate { path: path.to_owned(), fault: error.fault })
    }
}
