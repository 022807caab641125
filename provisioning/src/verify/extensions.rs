//! The extensions of a certificate. An unexpected extension is as wrong as a missing one.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, ParsedExtension,
    SubjectAlternativeName,
};

/// The extensions our profiles use, each with whether it is critical.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    pub(super) basic_constraints: Option<(bool, &'a BasicConstraints)>,
    pub(super) key_usage: Option<(bool, &'a KeyUsage)>,
    pub(super) extended_key_usage: Option<&'a ExtendedKeyUsage<'a>>,
    pub(super) subject_key_id: Option<&'a [u8]>,
    pub(super) authority_key_id: Option<&'a [u8]>,
    pub(super) alternative_names: Option<&'a SubjectAlternativeName<'a>>,
}

impl<'a> Extensions<'a> {
    /// Reads all extensions; `Err` names one that is duplicated, unreadable or unexpected.
    pub(super) fn read(certificate: &'a X509Certificate<'_>) -> Result<Self, String> {
        let mut read = Self::default();
        for extension in certificate.extensions() {
            let duplicated = match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(value) => {
                    read.basic_constraints.replace((extension.critical, value)).is_some()
                }
                ParsedExtension::KeyUsage(value) => {
                    read.key_usage.replace((extension.critical, value)).is_some()
                }
                ParsedExtension::ExtendedKeyUsage(value) => read.extended_key_usage.replace(value).is_some(),
                ParsedExtension::SubjectKeyIdentifier(value) => {
                    read.subject_key_id.replace(value.0).is_some()
                }
                ParsedExtension::AuthorityKeyIdentifier(AuthorityKeyIdentifier {
                    key_identifier: Some(value),
                    authority_cert_issuer: None,
                    authority_cert_serial: None,
                }) => read.authority_key_id.replace(value.0).is_some(),
                ParsedExtension::SubjectAlternativeName(value) => {
                    read.alternative_names.replace(value).is_some()
                }
                _ => return Err(format!("unexpected or unreadable extension {}", extension.oid)),
            };
            if duplicated {
                return Err(format!("extension {} is there twice", extension.oid));
            }
        }
        Ok(read)
    }
}

/// keyCertSign (bit 5) and cRLSign (bit 6), RFC 5280 §4.2.1.3.
const CA_USAGE_BITS: u16 = 1 << 5 | 1 << 6;

/// digitalSignature (bit 0), RFC 5280 §4.2.1.3.
const END_ENTITY_USAGE_BITS: u16 = 1;

impl Extensions<'_> {
    /// Whether these are the extensions of a CA with at most `path_length` CAs below it, which signs certificates and
    /// CRLs.
    pub(super) fn match_ca_profile(&self, path_length: u32) -> bool {
        let constraints = BasicConstraints { ca: true, path_len_constraint: Some(path_length) };
        self.basic_constraints == Some((true, &constraints))
            && self.key_usage == Some((true, &KeyUsage { flags: CA_USAGE_BITS }))
            && self.extended_key_usage.is_none()
            && self.alternative_names.is_none()
    }

    /// Whether these are the extensions of an end entity that signs handshakes and nothing else.
    pub(super) fn match_end_entity_profile(&self) -> bool {
        self.basic_constraints
            .is_some_and(|(_, constraints)| !constraints.ca && constraints.path_len_constraint.is_none())
            && self.key_usage == Some((true, &KeyUsage { flags: END_ENTITY_USAGE_BITS }))
    }
}
