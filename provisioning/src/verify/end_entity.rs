//! [`VerifiedCertificate`]: an end-entity certificate that says what its specification says, and nothing else.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::{EndEntityCert, KeyUsage, ring as algorithms};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::oid_registry::{
    OID_SIG_ECDSA_WITH_SHA256, OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Version;

use super::Chain;
use super::extensions::Extensions;
use crate::certificate_spec::CertificateSpec;
use crate::certificate_subject::CertificateSubject;
use crate::digest::Sha256;
use crate::key::P256PublicKey;
use crate::profile::Validity;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// An end-entity certificate that two other libraries have read and found to say what its [`CertificateSpec`] says.
/// Only [`Chain`] makes one; images, files and the registry accept nothing else.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedCertificate {
    der: Vec<u8>,
    spec: CertificateSpec,
}

/// Why a certificate that was just signed must not be used: a fault in this program or in one of its libraries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate that was made for {subject} does not pass its check: {fault}")]
pub(crate) struct VerifyError {
    /// Whom the certificate is for.
    pub(crate) subject: String,
    /// What differs.
    pub(crate) fault: String,
}

impl Chain {
    /// Checks that `der` says what `spec` says, and that it is valid `now` under the issuing CA of this chain. The
    /// issuing CA was checked against the root when the chain was built, and is not checked again for every device: a
    /// batch spends most of its time on signatures.
    pub(crate) fn verify_end_entity(
        &self,
        der: &[u8],
        spec: &CertificateSpec,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, VerifyError> {
        self.check_content(der, spec)
            .and_then(|()| check_path(der, spec, now, &self.issuing_anchor, &[]))
            .map(|()| VerifiedCertificate { der: der.to_vec(), spec: spec.clone() })
            .map_err(|fault| VerifyError { subject: spec.subject.to_string(), fault })
    }

    /// Like [`Chain::verify_end_entity`], but over the whole path to the root, as a broker that trusts the root alone
    /// checks it. For a probe certificate, which is not used otherwise.
    pub(crate) fn verify_probe(
        &self,
        der: &[u8],
        spec: &CertificateSpec,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        self.check_content(der, spec)
            .and_then(|()| check_path(der, spec, now, &self.root_anchor, std::slice::from_ref(&self.issuing)))
            .map_err(|fault| VerifyError { subject: spec.subject.to_string(), fault })
    }

    /// Compares what x509-parser reads with the specification.
    fn check_content(&self, der: &[u8], spec: &CertificateSpec) -> Result<(), String> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let common_names = values(certificate.subject().iter_by_oid(&OID_X509_COMMON_NAME));
        let organizations = values(certificate.subject().iter_by_oid(&OID_X509_ORGANIZATION_NAME));
        let validity = certificate.validity();
        let extensions = Extensions::read(&certificate)?;
        let checks = [
            ("trailing bytes", rest.is_empty()),
            ("version", certificate.version() == X509Version::V3),
            ("signature algorithm", certificate.signature_algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256),
            ("serial number", certificate.raw_serial() == spec.serial.as_bytes()),
            ("issuer", certificate.issuer().as_raw() == self.subject()),
            ("public key", certificate.public_key().raw == spec.public_key.spki()),
            (
                "notBefore",
                Timestamp::from_signed(validity.not_before.timestamp()) == spec.validity.not_before(),
            ),
            ("notAfter", Timestamp::from_signed(validity.not_after.timestamp()) == spec.validity.not_after()),
            ("common name", common_names.as_deref() == Some(&[spec.subject.common_name()])),
            ("organization", organizations.as_deref() == Some(&[spec.organization.as_str()])),
            ("subject", certificate.subject().iter_attributes().count() == 2),
            ("basic constraints and key usage", extensions.match_end_entity_profile()),
            ("extended key usage", extensions.extended_key_usage == Some(&usage_of(&spec.subject))),
            ("subject key identifier", extensions.subject_key_id.is_none()),
            ("authority key identifier", extensions.authority_key_id == Some(self.key_id())),
            ("alternative names", names_match(&extensions, &spec.subject)),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(format!("{what} is not what was granted")),
            None => Ok(()),
        }
    }
}

/// Builds the path to the anchor with webpki, for the subject's usage and under each of its host names.
fn check_path(
    der: &[u8],
    spec: &CertificateSpec,
    now: Timestamp,
    anchor: &TrustAnchor<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<(), String> {
    let der = CertificateDer::from(der);
    let certificate = EndEntityCert::try_from(&der).map_err(|error| error.to_string())?;
    let usage = match spec.subject {
        CertificateSubject::Device(_) | CertificateSubject::Service(_) => KeyUsage::client_auth(),
        CertificateSubject::Broker(_) => KeyUsage::server_auth(),
    };
    certificate
        .verify_for_usage(
            &[algorithms::ECDSA_P256_SHA256],
            std::slice::from_ref(anchor),
            intermediates,
            now.unix_time(),
            usage,
            None,
            None,
        )
        .map_err(|error| error.to_string())?;
    if let CertificateSubject::Broker(hosts) = &spec.subject {
        for host in hosts.iter() {
            certificate
                .verify_is_valid_for_subject_name(&host.server_name())
                .map_err(|error| format!("{host}: {error}"))?;
        }
    }
    Ok(())
}

/// The one extended key usage a certificate must have.
fn usage_of(subject: &CertificateSubject) -> ExtendedKeyUsage<'static> {
    let server = matches!(subject, CertificateSubject::Broker(_));
    ExtendedKeyUsage {
        any: false,
        server_auth: server,
        client_auth: !server,
        code_signing: false,
        email_protection: false,
        time_stamping: false,
        ocsp_signing: false,
        other: Vec::new(),
    }
}

/// Whether there are as many alternative names as specified (webpki checks each of them), and none for a client.
fn names_match(extensions: &Extensions<'_>, subject: &CertificateSubject) -> bool {
    match (subject, extensions.alternative_names) {
        (CertificateSubject::Broker(hosts), Some(names)) => names.general_names.len() == hosts.iter().count(),
        (CertificateSubject::Device(_) | CertificateSubject::Service(_), names) => names.is_none(),
        (CertificateSubject::Broker(_), None) => false,
    }
}

/// The values of attributes as text; `None` if one is not text.
fn values<'a>(
    attributes: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
) -> Option<Vec<&'a str>> {
    attributes.map(|attribute| attribute.as_str().ok()).collect()
}

impl VerifiedCertificate {
    /// The certificate, DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whom it is for.
    pub(crate) fn subject(&self) -> &CertificateSubject {
        &self.spec.subject
    }

    /// The serial number.
    pub(crate) fn serial(&self) -> SerialNumber {
        self.spec.serial
    }

    /// `notBefore` and `notAfter`.
    pub(crate) fn validity(&self) -> Validity {
        self.spec.validity
    }

    /// The SHA-256 digest of the DER certificate.
    pub(crate) fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.der)
    }

    /// The public key.
    pub(crate) fn public_key(&self) -> &P256PublicKey {
        &self.spec.public_key
    }

    /// The SHA-256 digest of the SubjectPublicKeyInfo.
    pub(crate) fn spki_sha256(&self) -> Sha256 {
        self.spec.public_key.spki_sha256()
    }
}
