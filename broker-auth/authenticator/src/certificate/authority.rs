//! The certificate of a CA, as a file configures it or a peer sends it along.

use std::sync::Arc;

use certificate_path::{
    CaCertificate, CaFault, Certificate, MAX_PRESENTED_RSA_BITS, PublicKey, Purpose, parse_x509,
};
#[cfg(any(test, feature = "for-test"))]
use rustls_pki_types::CertificateDer;
use rustls_pki_types::UnixTime;
#[cfg(any(test, feature = "for-test"))]
use rustls_pki_types::pem::PemObject;

use super::DistinguishedName;
use super::fields::{CertificateError, Fields, crl_distribution_points};
use super::serial::{Fingerprint, Serial};

/// A CA certificate that may issue for clients, and what revocation lists, OCSP and logs call it by. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCertificate(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    ca: CaCertificate,
    subject_der: Box<[u8]>,
    serial: Serial,
    authority: Fingerprint,
    crl_distribution_points: Option<Arc<[String]>>,
}

/// Why a certificate may not stand as a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It says that it may not.
    #[error(transparent)]
    Ca(#[from] CaFault),
}

impl AuthorityCertificate {
    /// A CA whose key nobody has.
    #[cfg(any(test, feature = "for-test"))]
    #[expect(clippy::expect_used, reason = "a test that cannot be set up fails")]
    pub(crate) fn for_test() -> Self {
        let pem = include_bytes!("../for_test/device_ca.pem");
        let der = CertificateDer::from_pem_slice(pem).expect("PEM");
        Self::parse(&der).expect("a CA")
    }

    /// Parses a CA certificate of the configuration and checks what it says about itself, but not the time.
    pub fn parse(der: &[u8]) -> Result<Self, AuthorityFault> {
        Self::new(der, CaCertificate::parse(der, Purpose::Client)?)
    }

    /// Parses one that a peer sent along, whose key must not be dear to verify with.
    pub(crate) fn parse_presented(der: &[u8]) -> Result<Self, AuthorityFault> {
        let certificate = Certificate::parse(der).map_err(CaFault::from)?;
        Self::new(der, CaCertificate::check(certificate, Purpose::Client, MAX_PRESENTED_RSA_BITS)?)
    }

    fn new(der: &[u8], ca: CaCertificate) -> Result<Self, AuthorityFault> {
        let certificate = parse_x509(der).map_err(CertificateError::from)?;
        Ok(Self(Arc::new(Inner {
            serial: Fields::serial(&certificate)?,
            authority: Fingerprint::of_all(&[certificate.subject().as_raw(), certificate.public_key().raw]),
            crl_distribution_points: crl_distribution_points(&certificate),
            subject_der: certificate.subject().as_raw().into(),
            ca,
        })))
    }

    /// The certificate, as far as a path depends on it.
    pub(crate) fn ca(&self) -> &CaCertificate {
        &self.0.ca
    }

    /// The certificate in DER.
    pub(crate) fn der(&self) -> &[u8] {
        self.0.ca.certificate().der()
    }

    /// The name it issues under.
    pub fn subject(&self) -> &DistinguishedName {
        self.0.ca.subject()
    }

    /// The name it issues under, in DER as its certificate has it: what a CertID hashes (RFC 6960 §4.1.1).
    pub(crate) fn subject_der(&self) -> &[u8] {
        &self.0.subject_der
    }

    /// The key it issues by.
    pub(crate) fn public_key(&self) -> &PublicKey {
        self.0.ca.certificate().public_key()
    }

    /// The subject key identifier.
    pub(crate) fn key_id(&self) -> Option<&[u8]> {
        self.0.ca.certificate().subject_key_id()
    }

    /// Whether it names `other` as its issuer: the name and, where both carry one, the key identifier.
    pub fn claims_issuer(&self, other: &Self) -> bool {
        other.0.ca.may_have_issued(self.0.ca.certificate())
    }

    /// What makes two CA certificates the same authority: their name and key (RFC 5280 §6.1.1 d).
    pub fn authority(&self) -> Fingerprint {
        self.0.authority
    }

    /// The serial number under its own issuer.
    pub fn serial(&self) -> &Serial {
        &self.0.serial
    }

    /// The URLs of the lists that it says it is on.
    pub(crate) fn crl_distribution_points(&self) -> Option<&Arc<[String]>> {
        self.0.crl_distribution_points.as_ref()
    }

    /// The first second it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.0.ca.certificate().not_before()
    }

    /// The last second it is valid.
    pub fn not_after(&self) -> UnixTime {
        self.0.ca.certificate().not_after()
    }

    /// Whether its key usage allows signing CRLs.
    pub(crate) fn may_sign_crls(&self) -> bool {
        self.0.ca.may_sign_crls()
    }

    /// Whether `count` intermediate CAs may stand between it and a leaf.
    pub(crate) fn allows_path_len(&self, count: usize) -> bool {
        self.0.ca.path_len().is_none_or(|limit| u32::try_from(count).is_ok_and(|count| count <= limit))
    }
}
