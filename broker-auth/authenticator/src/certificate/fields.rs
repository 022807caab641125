//! The fields of a certificate that anything here asks for, read once.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_PKIX_ACCESS_DESCRIPTOR_OCSP, OID_X509_EXT_SUBJECT_ALT_NAME};
use x509_parser::time::ASN1Time;

use certificate_path::{AlternativeName, DistinguishedName, Malformed, parse_x509};

use super::serial::{Fingerprint, Serial};

/// Why bytes are no certificate that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read, or contradicts itself.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A serial number longer than RFC 5280 §4.1.2.2 allows.
    #[error("the serial number has {length} octets, a CA may use at most 20")]
    SerialTooLong {
        /// Its octets.
        length: usize,
    },
    /// An extension that this verifier relies on is there twice, or cannot be read.
    #[error("the extension {oid} is malformed, or there more than once")]
    Extension {
        /// Which, dotted.
        oid: String,
    },
}

/// What one certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) serial: Serial,
    pub(super) subject: DistinguishedName,
    pub(super) issuer: DistinguishedName,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) alternative_names: Vec<AlternativeName>,
    /// The URIs among the names of its CRL distribution points, if it has that extension.
    pub(super) crl_distribution_points: Option<Arc<[String]>>,
    /// SHA-256 of its SubjectPublicKeyInfo: each pin and condition on keys asks for it. `None`: it has no key.
    pub(super) spki_sha256: Option<Fingerprint>,
}

impl Fields {
    /// What a client's certificate called `common_name` says.
    #[cfg(any(test, feature = "for-test"))]
    pub(super) fn for_test(common_name: &str, serial: Serial, not_after: UnixTime) -> Self {
        Self {
            serial,
            subject: DistinguishedName::for_test(common_name),
            issuer: DistinguishedName::for_test("Device CA"),
            not_before: UnixTime::since_unix_epoch(Duration::ZERO),
            not_after,
            alternative_names: Vec::new(),
            crl_distribution_points: None,
            spki_sha256: None,
        }
    }

    pub(super) fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let certificate = parse_x509(der)?;
        Self::read(&certificate)
    }

    fn read(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        refuse_broken_extensions(certificate)?;
        let alternative_names = certificate
            .subject_alternative_name()
            .map_err(|_| CertificateError::Extension { oid: OID_X509_EXT_SUBJECT_ALT_NAME.to_id_string() })?;
        Ok(Self {
            serial: Self::serial(certificate)?,
            subject: DistinguishedName::read(certificate.subject()),
            issuer: DistinguishedName::read(certificate.issuer()),
            not_before: unix_time(certificate.validity().not_before),
            not_after: unix_time(certificate.validity().not_after),
            alternative_names: alternative_names
                .map(|extension| extension.value.general_names.iter().map(AlternativeName::read).collect())
                .unwrap_or_default(),
            crl_distribution_points: crl_distribution_points(certificate),
            spki_sha256: Some(Fingerprint::of(certificate.public_key().raw)),
        })
    }
}

impl Fields {
    pub(super) fn serial(certificate: &X509Certificate<'_>) -> Result<Serial, CertificateError> {
        let raw_serial = certificate.raw_serial();
        Serial::from_der_contents(raw_serial)
            .ok_or(CertificateError::SerialTooLong { length: raw_serial.len() })
    }
}

/// The URLs of the lists that a certificate says it is on. `None`: it says nothing; without a URL it is none of them.
pub(super) fn crl_distribution_points(certificate: &X509Certificate<'_>) -> Option<Arc<[String]>> {
    let mut points =
        certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => Some(points),
            _ => None,
        });
    let points = points.next()?;
    let names = points.iter().filter_map(|point| match &point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    let uris = names.flatten().filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    Some(uris.collect())
}

/// The URLs under id-ad-ocsp in the authority information access (RFC 5280 §4.2.2.1).
pub(super) fn ocsp_responders(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut access =
        certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityInfoAccess(access) => Some(access),
            _ => None,
        });
    let descriptions = access.next().map(|access| access.accessdescs.as_slice()).unwrap_or_default();
    let of_ocsp =
        descriptions.iter().filter(|access| access.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP);
    of_ocsp
        .filter_map(|access| match &access.access_location {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        })
        .collect()
}

/// The parser reports an extension that it cannot read as a kind of its own; left alone, it would pass for absent.
fn refuse_broken_extensions(certificate: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let broken = certificate
        .extensions()
        .iter()
        .find(|extension| matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. }));
    match broken {
        Some(extension) => Err(CertificateError::Extension { oid: extension.oid.to_id_string() }),
        None => Ok(()),
    }
}

/// Times before 1970 are as good as 1970: nothing that is judged here is that old.
fn unix_time(time: ASN1Time) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
}
