//! The certificate of a CA, as a file configures it or a peer sends it along.

use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

use super::fields::{CertificateError, Fields};
use super::name::DistinguishedName;
use super::serial::{Fingerprint, Serial};

/// A certificate whose own words allow it to issue certificates: basic constraints, key usage and purposes fit.
///
/// rustls-webpki keeps of a trust anchor only a name and a key, so these are checked here, when it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCertificate {
    der: CertificateDer<'static>,
    fields: Fields,
    subject_der: Box<[u8]>,
    issuer_der: Box<[u8]>,
    key_id: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    authority: Fingerprint,
}

/// Why a certificate may not stand as a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The basic constraints do not say CA.
    #[error("it is no CA (its basic constraints do not say CA:TRUE)")]
    NotCa,
    /// The key usage does not allow signing certificates, or is missing.
    #[error("its key usage does not allow signing certificates (keyCertSign)")]
    NoCertSign,
    /// The purposes leave out TLS clients.
    #[error("its extended key usage leaves out client authentication")]
    NotForClients,
    /// An empty name cannot be anybody's issuer (RFC 5280 §4.1.2.6).
    #[error("its subject is empty")]
    NoSubject,
}

impl AuthorityCertificate {
    /// Parses a CA certificate and checks what it says about itself, but not the time.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, AuthorityFault> {
        let fields = Fields::parse(der)?;
        if fields.ca.is_none() {
            return Err(AuthorityFault::NotCa);
        }
        // RFC 5280 §4.2.1.3: a CA certificate must carry a key usage, so its absence is a fault too.
        if !fields.key_usage.is_some_and(|usage| usage.key_cert_sign) {
            return Err(AuthorityFault::NoCertSign);
        }
        if fields.extended_key_usage.is_some_and(|usage| !usage.client_auth && !usage.any) {
            return Err(AuthorityFault::NotForClients);
        }
        if fields.subject.is_empty() {
            return Err(AuthorityFault::NoSubject);
        }
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::Malformed { detail: error.to_string() })?;
        let subject_der = certificate.subject().as_raw();
        let mut key_id = None;
        let mut authority_key_id = None;
        for extension in certificate.iter_extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.into()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    authority_key_id = id.key_identifier.as_ref().map(|id| id.0.into());
                }
                _ => {}
            }
        }
        Ok(Self {
            authority: Fingerprint::of_all(&[subject_der, certificate.public_key().raw]),
            subject_der: subject_der.into(),
            issuer_der: certificate.issuer().as_raw().into(),
            key_id,
            authority_key_id,
            der: der.clone().into_owned(),
            fields,
        })
    }

    /// The certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The name it issues under.
    pub fn subject(&self) -> &DistinguishedName {
        &self.fields.subject
    }

    /// The name as encoded: issuer and subject are compared octet by octet.
    pub(crate) fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The subject key identifier.
    pub(crate) fn key_id(&self) -> Option<&[u8]> {
        self.key_id.as_deref()
    }

    /// Whether it names `other` as its issuer: the name and, where both carry one, the key identifier.
    pub(crate) fn claims_issuer(&self, other: &Self) -> bool {
        let same_key = match (&self.authority_key_id, &other.key_id) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.issuer_der == other.subject_der && same_key
    }

    /// What makes two CA certificates the same authority: their name and key (RFC 5280 §6.1.1 d).
    pub fn authority(&self) -> Fingerprint {
        self.authority
    }

    /// The serial number under its own issuer.
    pub fn serial(&self) -> &Serial {
        &self.fields.serial
    }

    /// The first second it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.fields.not_before
    }

    /// The last second it is valid.
    pub fn not_after(&self) -> UnixTime {
        self.fields.not_after
    }

    /// Whether its key usage allows signing CRLs.
    pub(crate) fn may_sign_crls(&self) -> bool {
        self.fields.key_usage.is_some_and(|usage| usage.crl_sign)
    }

    /// Whether `count` intermediate CAs may stand between it and a leaf.
    pub(crate) fn allows_path_len(&self, count: usize) -> bool {
        let limit = self.fields.ca.and_then(|ca| ca.path_len);
        limit.is_none_or(|limit| u32::try_from(count).is_ok_and(|count| count <= limit))
    }
}
