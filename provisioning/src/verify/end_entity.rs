//! [`VerifiedCertificate`]: an end-entity certificate that says what was granted, and nothing else.

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
use super::chain::moment;
use super::extensions::Extensions;
use crate::digest::Sha256;
use crate::grant::Grant;
use crate::holder::Holder;
use crate::profile::Validity;
use crate::serial::SerialNumber;
use crate::timestamp::Timestamp;

/// An end-entity certificate that two other libraries have read and found to say what was granted. Only [`Chain`]
/// makes one; images, files and the registry take nothing else.
#[derive(Clone, Debug)]
pub struct VerifiedCertificate {
    der: Vec<u8>,
    grant: Grant,
}

/// Why a certificate that was just signed must not leave. Every one of these is a fault in this program or in one of
/// its libraries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate that was made for {holder} does not pass its check: {fault}")]
pub struct VerifyError {
    /// Whose certificate it is.
    pub holder: String,
    /// What differs.
    pub fault: String,
}

impl Chain {
    /// Checks that `der` says what `grant` says, and that it is valid `now` under the issuing CA of this chain, which
    /// was checked against the root when the chain was made: once, because a signature a device is what the time of a
    /// batch is made of.
    pub fn verify_end_entity(
        &self,
        der: &[u8],
        grant: &Grant,
        now: Timestamp,
    ) -> Result<VerifiedCertificate, VerifyError> {
        self.check_content(der, grant)
            .and_then(|()| check_path(der, grant, now, &self.issuing_anchor, &[]))
            .map(|()| VerifiedCertificate { der: der.to_vec(), grant: grant.clone() })
            .map_err(|fault| VerifyError { holder: grant.holder.to_string(), fault })
    }

    /// Like [`Chain::verify_end_entity`], over the whole path to the root, as a broker with the root alone would. The
    /// certificate is a probe, and goes nowhere.
    pub fn verify_probe(&self, der: &[u8], grant: &Grant, now: Timestamp) -> Result<(), VerifyError> {
        self.check_content(der, grant)
            .and_then(|()| {
                check_path(der, grant, now, &self.root_anchor, std::slice::from_ref(&self.issuing))
            })
            .map_err(|fault| VerifyError { holder: grant.holder.to_string(), fault })
    }

    /// What x509-parser reads is what was granted.
    fn check_content(&self, der: &[u8], grant: &Grant) -> Result<(), String> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let common_names = values(certificate.subject().iter_by_oid(&OID_X509_COMMON_NAME));
        let organizations = values(certificate.subject().iter_by_oid(&OID_X509_ORGANIZATION_NAME));
        let validity = certificate.validity();
        let extensions = Extensions::read(&certificate)?;
        let checks = [
            ("trailing bytes", rest.is_empty()),
            ("version", certificate.version() == X509Version::V3),
            ("signature algorithm", certificate.signature_algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256),
            ("serial number", certificate.raw_serial() == grant.serial.as_bytes()),
            ("issuer", certificate.issuer().as_raw() == self.subject()),
            ("public key", certificate.public_key().raw == grant.public_key.spki()),
            ("notBefore", moment(validity.not_before.timestamp()) == grant.validity.not_before()),
            ("notAfter", moment(validity.not_after.timestamp()) == grant.validity.not_after()),
            ("common name", common_names.as_deref() == Some(&[grant.holder.common_name()])),
            ("organization", organizations.as_deref() == Some(&[grant.organization.as_str()])),
            ("subject", certificate.subject().iter_attributes().count() == 2),
            ("basic constraints and key usage", extensions.say_end_entity()),
            ("extended key usage", extensions.extended_key_usage == Some(&usage_of(&grant.holder))),
            ("subject key identifier", extensions.subject_key_id.is_some_and(|id| !id.is_empty())),
            ("authority key identifier", extensions.authority_key_id == Some(self.key_id())),
            ("alternative names", names_match(&extensions, &grant.holder)),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(format!("{what} is not what was granted")),
            None => Ok(()),
        }
    }
}

/// webpki finds the path to the anchor, for the right usage and under every name.
fn check_path(
    der: &[u8],
    grant: &Grant,
    now: Timestamp,
    anchor: &TrustAnchor<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<(), String> {
    let der = CertificateDer::from(der);
    let certificate = EndEntityCert::try_from(&der).map_err(|error| error.to_string())?;
    let usage = match grant.holder {
        Holder::Device(_) | Holder::Service(_) => KeyUsage::client_auth(),
        Holder::Broker(_) => KeyUsage::server_auth(),
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
    if let Holder::Broker(hosts) = &grant.holder {
        for host in hosts.iter() {
            certificate
                .verify_is_valid_for_subject_name(&host.server_name())
                .map_err(|error| format!("{host}: {error}"))?;
        }
    }
    Ok(())
}

/// The extended key usage a certificate must have: one, and no other.
fn usage_of(holder: &Holder) -> ExtendedKeyUsage<'static> {
    let server = matches!(holder, Holder::Broker(_));
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

/// As many alternative names as were granted (webpki checks each of them), and none for a client.
fn names_match(extensions: &Extensions<'_>, holder: &Holder) -> bool {
    match (holder, extensions.alternative_names) {
        (Holder::Broker(hosts), Some(names)) => names.general_names.len() == hosts.iter().count(),
        (Holder::Device(_) | Holder::Service(_), names) => names.is_none(),
        (Holder::Broker(_), None) => false,
    }
}

/// The values of attributes as text; `None` if one is no text.
fn values<'a>(
    attributes: impl Iterator<Item = &'a x509_parser::x509::AttributeTypeAndValue<'a>>,
) -> Option<Vec<&'a str>> {
    attributes.map(|attribute| attribute.as_str().ok()).collect()
}

impl VerifiedCertificate {
    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is.
    pub fn holder(&self) -> &Holder {
        &self.grant.holder
    }

    /// Its serial number.
    pub fn serial(&self) -> SerialNumber {
        self.grant.serial
    }

    /// From when to when it is valid.
    pub fn validity(&self) -> Validity {
        self.grant.validity
    }

    /// The digest of the certificate.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.der)
    }

    /// The digest of its public key.
    pub fn spki_sha256(&self) -> Sha256 {
        self.grant.public_key.spki_sha256()
    }
}
