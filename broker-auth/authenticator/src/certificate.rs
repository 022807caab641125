//! What a certificate says, before anything about it is proven.
//!
//! The only place that names an X.509 parser. Everything here is read from bytes that a peer or a file chose, so
//! nothing is trusted yet: proof is the business of [`crate::trust`].

mod authority;
mod der;
mod distribution_point;
mod fields;
mod name_text;
mod ocsp_response;
mod own_certificate;
mod revocation_list;
mod serial;
mod timestamp;

pub use authority::{AuthorityCertificate, AuthorityFault};
pub(crate) use certificate_path::attribute_type;
pub use certificate_path::{AlternativeName, CaFault, DistinguishedName, KeyKind, Purpose};
pub(crate) use distribution_point::{DistributionPointFault, IssuingDistributionPoint};
pub use fields::CertificateError;
pub use name_text::NameText;
pub(crate) use ocsp_response::{OcspResponseFrame, ResponderId};
pub use own_certificate::{Ending, OwnCertificate, OwnCertificateFault};
pub use revocation_list::RevocationReason;
pub(crate) use revocation_list::{ListFault, RevocationListFrame};
pub use serial::{Fingerprint, HexError, Serial};
pub use timestamp::timestamp;

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, UnixTime};

use fields::{Fields, ocsp_responders};

use crate::reason::{Reason, Refusal, RefusedCertificate};

/// The certificate a peer presented, parsed.
///
/// It says what it says; whether that is true is known only once it is part of a [`crate::trust::VerifiedChain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    der: CertificateDer<'static>,
    fields: Fields,
    fingerprint: Fingerprint,
}

impl PeerCertificate {
    /// A certificate called `common_name`, which nobody signed.
    #[cfg(any(test, feature = "for-test"))]
    pub(crate) fn for_test(common_name: &str, serial: Serial, not_after: UnixTime) -> Self {
        let der = CertificateDer::from(common_name.as_bytes().to_vec());
        let fields = Fields::for_test(common_name, serial, not_after);
        Self { fingerprint: Fingerprint::of(&der), der, fields }
    }

    /// Parses one DER certificate and nothing after it.
    pub fn parse(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let fields = Fields::parse(der)?;
        Ok(Self { fingerprint: Fingerprint::of(der), der: der.clone().into_owned(), fields })
    }

    /// The certificate as it was presented.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// The serial number.
    pub fn serial(&self) -> &Serial {
        &self.fields.serial
    }

    /// SHA-256 of the DER.
    pub fn fingerprint_sha256(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The subject.
    pub fn subject(&self) -> &DistinguishedName {
        &self.fields.subject
    }

    /// The issuer's name, as this certificate has it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.fields.issuer
    }

    /// The names in the subjectAltName extension, in order.
    pub fn alternative_names(&self) -> &[AlternativeName] {
        &self.fields.alternative_names
    }

    /// The URIs of its CRL distribution points (RFC 5280 §4.2.1.13), if it has any points.
    pub(crate) fn crl_distribution_points(&self) -> Option<&Arc<[String]>> {
        self.fields.crl_distribution_points.as_ref()
    }

    /// The URLs of the OCSP responders in its authority information access (RFC 5280 §4.2.2.1), in order, as it has them.
    pub(crate) fn ocsp_responders(&self) -> Vec<String> {
        certificate_path::parse_x509(&self.der)
            .map(|certificate| ocsp_responders(&certificate))
            .unwrap_or_default()
    }

    /// SHA-1 of the DER, lower-case hex: how other systems call it. Nothing here rests on it.
    pub fn fingerprint_sha1(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der);
        digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// SHA-256 of its SubjectPublicKeyInfo, which outlives a renewal with the same key (RFC 7469 §2.4).
    pub fn spki_sha256(&self) -> Option<Fingerprint> {
        self.fields.spki_sha256
    }

    /// The first second it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.fields.not_before
    }

    /// The last second it is valid (RFC 5280 §4.1.2.5: inclusive).
    pub fn not_after(&self) -> UnixTime {
        self.fields.not_after
    }

    /// The refusal of this certificate.
    pub fn refused(&self, reason: Reason, evidence: impl Into<String>) -> Refusal {
        let mut refusal = Refusal::new(reason, evidence);
        refusal.certificate = Some(Box::new(RefusedCertificate {
            subject: self.subject().to_string(),
            serial: self.serial().to_string(),
            fingerprint_sha256: self.fingerprint.to_string(),
        }));
        refusal
    }
}
