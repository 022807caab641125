//! [`CertificateSummary`]: what every JSON document says about a certificate that was issued.

use serde::Serialize;

use crate::digest::Sha256;
use crate::registry::CertificateRecord;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;
use crate::verify::VerifiedCertificate;

/// What every JSON document says about a certificate that was issued.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CertificateSummary {
    /// The serial number.
    pub(crate) serial: SerialNumber,
    /// The SHA-256 digest of the DER certificate.
    pub(crate) fingerprint_sha256: Sha256,
    /// The first second of validity.
    pub(crate) not_before: Timestamp,
    /// The last second of validity.
    pub(crate) not_after: Timestamp,
}

impl From<&VerifiedCertificate> for CertificateSummary {
    fn from(certificate: &VerifiedCertificate) -> Self {
        Self {
            serial: certificate.serial(),
            fingerprint_sha256: certificate.fingerprint(),
            not_before: certificate.validity().not_before(),
            not_after: certificate.validity().not_after(),
        }
    }
}

impl From<&CertificateRecord> for CertificateSummary {
    fn from(certificate: &CertificateRecord) -> Self {
        Self {
            serial: certificate.serial,
            fingerprint_sha256: certificate.fingerprint_sha256,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        }
    }
}
