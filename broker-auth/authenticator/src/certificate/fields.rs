//! The fields of a certificate that anything here asks for, read once.

use std::time::Duration;

use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::name::{AlternativeName, DistinguishedName};
use super::serial::Serial;

/// Why bytes are no certificate that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate in DER.
    #[error("not a certificate in DER: {detail}")]
    Malformed {
        /// What the parser stumbled over.
        detail: String,
    },
    /// Bytes after the end of the certificate.
    #[error("{count} bytes follow the certificate")]
    Trailing {
        /// How many.
        count: usize,
    },
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
    /// `Some` if the basic constraints say CA.
    pub(super) ca: Option<CaConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(super) alternative_names: Vec<AlternativeName>,
}

/// Basic constraints of a CA (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CaConstraints {
    /// How many intermediate CAs may stand between this one and a leaf.
    pub(super) path_len: Option<u32>,
}

/// The bits of the key usage that matter here (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyUsage {
    pub(super) digital_signature: bool,
    pub(super) key_cert_sign: bool,
    pub(super) crl_sign: bool,
}

/// The purposes that matter here (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExtendedKeyUsage {
    pub(super) any: bool,
    pub(super) client_auth: bool,
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
            ca: None,
            key_usage: None,
            extended_key_usage: Some(ExtendedKeyUsage { any: false, client_auth: true }),
            alternative_names: Vec::new(),
        }
    }

    pub(super) fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::Malformed { detail: error.to_string() })?;
        if !rest.is_empty() {
            return Err(CertificateError::Trailing { count: rest.len() });
        }
        Self::read(&certificate)
    }

    fn read(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        refuse_broken_extensions(certificate)?;
        let raw_serial = certificate.raw_serial();
        let unique = |_| CertificateError::Malformed { detail: "an extension is there twice".to_owned() };
        let basic_constraints = certificate.basic_constraints().map_err(unique)?;
        let key_usage = certificate.key_usage().map_err(unique)?;
        let extended_key_usage = certificate.extended_key_usage().map_err(unique)?;
        let alternative_names = certificate.subject_alternative_name().map_err(unique)?;
        Ok(Self {
            serial: Serial::from_der_contents(raw_serial)
                .ok_or(CertificateError::SerialTooLong { length: raw_serial.len() })?,
            subject: DistinguishedName::read(certificate.subject()),
            issuer: DistinguishedName::read(certificate.issuer()),
            not_before: unix_time(certificate.validity().not_before),
            not_after: unix_time(certificate.validity().not_after),
            ca: basic_constraints
                .filter(|extension| extension.value.ca)
                .map(|extension| CaConstraints { path_len: extension.value.path_len_constraint }),
            key_usage: key_usage.map(|extension| KeyUsage {
                digital_signature: extension.value.digital_signature(),
                key_cert_sign: extension.value.key_cert_sign(),
                crl_sign: extension.value.crl_sign(),
            }),
            extended_key_usage: extended_key_usage.map(|extension| ExtendedKeyUsage {
                any: extension.value.any,
                client_auth: extension.value.client_auth,
            }),
            alternative_names: alternative_names
                .map(|extension| {
                    extension.value.general_names.iter().filter_map(AlternativeName::read).collect()
                })
                .unwrap_or_default(),
        })
    }
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
pub(crate) fn unix_time(time: ASN1Time) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
}
