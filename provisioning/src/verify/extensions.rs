//! The extensions of a certificate. An unexpected extension is as wrong as a missing one.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, ParsedExtension,
    SubjectAlternativeName,
};

use crate::profile::{ISSUING_PATH_LENGTH, ROOT_PATH_LENGTH};

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

/// digitalSignature (bit 0), RFC 5280 §4.2.1.3.
const DIGITAL_SIGNATURE: u16 = 1;

/// keyCertSign (bit 5) and cRLSign (bit 6).
const CERT_AND_CRL_SIGN: u16 = 1 << 5 | 1 << 6;

/// What a CA certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaRole {
    /// Self-signed, the trust anchor.
    Root,
    /// Signed by the root, signs end entities.
    Issuing,
}

impl CaRole {
    /// The role in words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Issuing => "issuing",
        }
    }

    fn path_length(self) -> u32 {
        u32::from(match self {
            Self::Root => ROOT_PATH_LENGTH,
            Self::Issuing => ISSUING_PATH_LENGTH,
        })
    }
}

/// Which edition of the profile a CA certificate follows. CAs live for decades, so those of every edition must go on
/// working; new ones follow the current edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// Issuing CAs without digitalSignature.
    Earlier,
    /// As they are made now.
    Current,
}

impl Extensions<'_> {
    /// The edition of the profile of a CA in this role that these extensions follow; `None` if none.
    pub(super) fn ca_edition(&self, role: CaRole) -> Option<Edition> {
        let constraints = BasicConstraints { ca: true, path_len_constraint: Some(role.path_length()) };
        let (true, KeyUsage { flags }) = self.key_usage? else { return None };
        let matches = self.basic_constraints == Some((true, &constraints))
            && self.extended_key_usage.is_none()
            && self.alternative_names.is_none();
        let edition = match (role, *flags) {
            (CaRole::Root, CERT_AND_CRL_SIGN) => Edition::Current,
            (CaRole::Issuing, CERT_AND_CRL_SIGN) => Edition::Earlier,
            (CaRole::Issuing, flags) if flags == DIGITAL_SIGNATURE | CERT_AND_CRL_SIGN => Edition::Current,
            _ => return None,
        };
        matches.then_some(edition)
    }

    /// Whether these are the extensions of an end entity that signs handshakes and nothing else.
    pub(super) fn match_end_entity_profile(&self) -> bool {
        self.basic_constraints == Some((true, &BasicConstraints { ca: false, path_len_constraint: None }))
            && self.key_usage == Some((true, &KeyUsage { flags: DIGITAL_SIGNATURE }))
    }
}
