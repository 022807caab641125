//! [`Certificate`]: what one certificate says, as far as a path depends on it. Nothing of it is proven.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use rustls_pki_types::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::error::X509Error;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::nom;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

use crate::alternative_name::AlternativeName;
use crate::der;
use crate::distinguished_name::DistinguishedName;
use crate::name_constraints::NameConstraints;
use crate::public_key::PublicKey;

/// What one certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Box<[u8]>,
    signed: Range<usize>,
    /// The content of its AlgorithmIdentifier.
    pub(crate) signature_algorithm: Box<[u8]>,
    /// The dotted OID in it.
    pub(crate) signature_algorithm_oid: Box<str>,
    signature: Range<usize>,
    pub(crate) public_key: PublicKey,
    pub(crate) subject: DistinguishedName,
    pub(crate) issuer: DistinguishedName,
    pub(crate) subject_key_id: Option<Box<[u8]>>,
    pub(crate) authority_key_id: Option<Box<[u8]>>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(crate) alternative_names: Vec<AlternativeName>,
    /// A critical extension that is not processed here, dotted.
    pub(crate) unprocessed: Option<Box<str>>,
}

/// Why bytes are no certificate that can be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not an X.509 certificate in DER.
    #[error("it is no certificate in DER: {detail}")]
    Encoding {
        /// What is wrong with it.
        detail: String,
    },
    /// Bytes after the end of the certificate.
    #[error("{count} bytes follow the certificate")]
    Trailing {
        /// How many.
        count: usize,
    },
    /// An extension is there twice, or cannot be read.
    #[error("the extension {oid} is malformed, or there more than once")]
    Extension {
        /// Which, dotted.
        oid: String,
    },
    /// The two places that name the signature's algorithm differ (RFC 5280 §4.1.1.2).
    #[error("it names two algorithms for its one signature")]
    TwoAlgorithms,
    /// It ends before it begins.
    #[error("it ends before it begins")]
    Validity,
    /// Extensions in a certificate that is not of version 3 (RFC 5280 §4.1.2.1).
    #[error("it has extensions, but is not of version 3")]
    Version,
}

/// Basic constraints (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    /// How many CA certificates may stand between this one and a leaf.
    pub(crate) path_len: Option<u32>,
}

/// The bits of the key usage that matter here (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUsage {
    pub(crate) digital_signature: bool,
    pub(crate) key_cert_sign: bool,
    pub(crate) crl_sign: bool,
}

/// The purposes that matter here (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtendedKeyUsage {
    pub(crate) any: bool,
    pub(crate) client_auth: bool,
    pub(crate) server_auth: bool,
    pub(crate) ocsp_signing: bool,
}

impl Certificate {
    /// Parses one certificate in DER, and nothing after it.
    ///
    /// # Errors
    /// It is none, or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let certificate = parse_x509(bytes)?;
        let outline = Outline::of(bytes)
            .ok_or_else(|| Malformed::Encoding { detail: "it is not in the shortest form".to_owned() })?;
        if certificate.tbs_certificate.signature != certificate.signature_algorithm {
            return Err(Malformed::TwoAlgorithms);
        }
        if certificate.version() != X509Version::V3 && !certificate.extensions().is_empty() {
            return Err(Malformed::Version);
        }
        let validity = certificate.validity();
        if validity.not_before.timestamp() > validity.not_after.timestamp() {
            return Err(Malformed::Validity);
        }
        let public_key = PublicKey::read(certificate.public_key())
            .ok_or_else(|| Malformed::Encoding { detail: "its public key cannot be read".to_owned() })?;
        let mut this = Self {
            der: bytes.into(),
            signed: outline.signed,
            signature_algorithm: outline.signature_algorithm.into(),
            signature_algorithm_oid: certificate.signature_algorithm.algorithm.to_id_string().into(),
            signature: outline.signature,
            public_key,
            subject: DistinguishedName::read(certificate.subject()),
            issuer: DistinguishedName::read(certificate.issuer()),
            subject_key_id: None,
            authority_key_id: None,
            not_before: unix_time(validity.not_before),
            not_after: unix_time(validity.not_after),
            basic_constraints: None,
            key_usage: None,
            extended_key_usage: None,
            name_constraints: None,
            alternative_names: Vec::new(),
            unprocessed: None,
        };
        let mut kinds = BTreeSet::new();
        for extension in certificate.extensions() {
            if !kinds.insert(extension.oid.as_bytes()) || this.read_extension(extension).is_none() {
                return Err(Malformed::Extension { oid: extension.oid.to_id_string() });
            }
        }
        Ok(this)
    }

    /// `None`: it cannot be read.
    fn read_extension(&mut self, extension: &X509Extension<'_>) -> Option<()> {
        match extension.parsed_extension() {
            ParsedExtension::ParseError { .. } => return None,
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.into()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.into());
            }
            ParsedExtension::BasicConstraints(constraints) => {
                self.basic_constraints =
                    Some(BasicConstraints { ca: constraints.ca, path_len: constraints.path_len_constraint });
            }
            ParsedExtension::KeyUsage(usage) => {
                self.key_usage = Some(KeyUsage {
                    digital_signature: usage.digital_signature(),
                    key_cert_sign: usage.key_cert_sign(),
                    crl_sign: usage.crl_sign(),
                });
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.extended_key_usage = Some(ExtendedKeyUsage {
                    any: usage.any,
                    client_auth: usage.client_auth,
                    server_auth: usage.server_auth,
                    ocsp_signing: usage.ocsp_signing,
                });
            }
            ParsedExtension::NameConstraints(_) => {
                self.name_constraints = Some(NameConstraints::read(extension.value)?);
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.alternative_names = names.general_names.iter().map(AlternativeName::read).collect();
            }
            // Recognised: policies are not processed, and no policy is asked for (RFC 5280 §6.1.1 (c), any-policy);
            // where revocation lists lie says nothing about the path.
            ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::IssuerAlternativeName(_) => {}
            _ if extension.critical => self.unprocessed = Some(extension.oid.to_id_string().into()),
            _ => {}
        }
        Some(())
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whom it was issued to.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Who issued it, as it says.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The key it was issued for.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The first second it is valid.
    pub fn not_before(&self) -> UnixTime {
        self.not_before
    }

    /// The last second it is valid (RFC 5280 §4.1.2.5: inclusive).
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The subject key identifier.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.subject_key_id.as_deref()
    }

    /// Whether it says what it is for (RFC 5280 §4.2.1.12).
    pub fn has_extended_key_usage(&self) -> bool {
        self.extended_key_usage.is_some()
    }

    /// Whether subject and issuer are one name (RFC 5280 §3.2).
    pub fn is_self_issued(&self) -> bool {
        self.subject.is_same_name(&self.issuer)
    }

    /// The octets that are signed.
    pub(crate) fn signed(&self) -> &[u8] {
        self.der.get(self.signed.clone()).unwrap_or_default()
    }

    /// The signature.
    pub(crate) fn signature(&self) -> &[u8] {
        self.der.get(self.signature.clone()).unwrap_or_default()
    }
}

/// Parses one certificate in DER, and nothing after it.
///
/// # Errors
/// It is none. What the parser says is told only where a person can use it.
pub fn parse_x509(bytes: &[u8]) -> Result<X509Certificate<'_>, Malformed> {
    match X509Certificate::from_der(bytes) {
        Ok(([], certificate)) => Ok(certificate),
        Ok((rest, _)) => Err(Malformed::Trailing { count: rest.len() }),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(Malformed::Encoding {
            detail: match error {
                X509Error::Generic | X509Error::NomError(_) | X509Error::Der(_) => {
                    "it is cut short, or encoded in another way".to_owned()
                }
                told => told.to_string(),
            },
        }),
        Err(nom::Err::Incomplete(_)) => Err(Malformed::Encoding { detail: "it is cut short".to_owned() }),
    }
}

/// Where the three parts of a certificate stand (RFC 5280 §4.1).
struct Outline<'a> {
    signed: Range<usize>,
    /// The content of its AlgorithmIdentifier.
    signature_algorithm: &'a [u8],
    signature: Range<usize>,
}

impl<'a> Outline<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut content = der::only(bytes, der::SEQUENCE)?.content;
        let start = bytes.len() - content.len();
        let signed = der::expect(&mut content, der::SEQUENCE)?.whole.len();
        let signature_algorithm = der::expect(&mut content, der::SEQUENCE)?.content;
        let signature = der::only(content, der::BIT_STRING)?.content;
        // The first octet counts unused bits, and a signature is whole octets.
        let (0, signature) = signature.split_first()? else { return None };
        Some(Self {
            signed: start..start + signed,
            signature_algorithm,
            signature: bytes.len() - signature.len()..bytes.len(),
        })
    }
}

/// Times before 1970 are as good as 1970: nothing that is judged here is that old.
fn unix_time(time: ASN1Time) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0)))
}
