//! [`IssuedCertificate`]: a certificate from a file, that an issuing CA of this fleet signed.

use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_X509_COMMON_NAME;
use x509_parser::prelude::FromDer as _;

use super::Chain;
use crate::authority::Authority;
use crate::digest::Sha256;
use crate::serial::ListedSerial;
use crate::timestamp::Timestamp;

/// A certificate from a file, that an issuing CA of this fleet signed. Nothing else about it is checked: it is to be
/// revoked, whatever it says.
#[derive(Clone, Debug)]
pub(crate) struct IssuedCertificate {
    authority: Authority,
    der: Vec<u8>,
    serial: ListedSerial,
    common_name: Option<String>,
    spki_sha256: Sha256,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Chain {
    /// Checks that the issuing CA of this chain, which is that of `authority`, signed the certificate. `None` if it did
    /// not, or if that is no certificate.
    pub(crate) fn recognize(&self, authority: Authority, der: &[u8]) -> Option<IssuedCertificate> {
        let Ok(([], certificate)) = X509Certificate::from_der(der) else { return None };
        let (_, issuing) = X509Certificate::from_der(self.issuing()).ok()?;
        if certificate.issuer().as_raw() != self.subject()
            || certificate.verify_signature(Some(issuing.public_key())).is_err()
        {
            return None;
        }
        let name = certificate.subject().iter_by_oid(&OID_X509_COMMON_NAME).next();
        Some(IssuedCertificate {
            authority,
            der: der.to_vec(),
            serial: ListedSerial::from_content(certificate.raw_serial())?,
            common_name: name.and_then(|name| name.as_str().ok()).map(str::to_owned),
            spki_sha256: Sha256::of(certificate.public_key().raw),
            not_before: Timestamp::from_signed(certificate.validity().not_before.timestamp()),
            not_after: Timestamp::from_signed(certificate.validity().not_after.timestamp()),
        })
    }
}

impl IssuedCertificate {
    /// The authority whose issuing CA signed it.
    pub(crate) fn authority(&self) -> Authority {
        self.authority
    }

    /// The certificate, DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The serial number.
    pub(crate) fn serial(&self) -> &ListedSerial {
        &self.serial
    }

    /// The first common name of the subject.
    pub(crate) fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    pub(crate) fn spki_sha256(&self) -> &Sha256 {
        &self.spki_sha256
    }

    /// The first second of validity.
    pub(crate) fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second of validity.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }
}
