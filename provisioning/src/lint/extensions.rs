//! [`Extensions`]: the extensions of a certificate that clauses speak of, each with whether it is critical. Unlike
//! `verify`, which refuses whatever is not of the profile, it takes certificates of any maker.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension,
};

/// An extension, and whether it is critical.
pub(super) type Marked<T> = Option<(bool, T)>;

/// The extensions that clauses speak of.
#[derive(Default)]
pub(super) struct Extensions<'a> {
    pub(super) basic_constraints: Marked<&'a BasicConstraints>,
    pub(super) key_usage: Marked<&'a KeyUsage>,
    pub(super) extended_key_usage: Marked<&'a ExtendedKeyUsage<'a>>,
    pub(super) subject_key_id: Marked<&'a [u8]>,
    pub(super) authority_key_id: Marked<&'a AuthorityKeyIdentifier<'a>>,
    pub(super) alternative_names: Marked<&'a [GeneralName<'a>]>,
    pub(super) has_distribution_points: bool,
    pub(super) has_authority_information: bool,
    /// There is a critical one that nobody here knows, or that cannot be read.
    pub(super) has_unknown_critical: bool,
    pub(super) has_duplicates: bool,
}

impl<'a> Extensions<'a> {
    pub(super) fn read(certificate: &'a X509Certificate<'_>) -> Self {
        let mut read = Self::default();
        let mut seen = Vec::new();
        for extension in certificate.extensions() {
            read.has_duplicates |= seen.contains(&&extension.oid);
            seen.push(&extension.oid);
            let critical = extension.critical;
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(value) => read.basic_constraints = Some((critical, value)),
                ParsedExtension::KeyUsage(value) => read.key_usage = Some((critical, value)),
                ParsedExtension::ExtendedKeyUsage(value) => read.extended_key_usage = Some((critical, value)),
                ParsedExtension::SubjectKeyIdentifier(value) => {
                    read.subject_key_id = Some((critical, value.0));
                }
                ParsedExtension::AuthorityKeyIdentifier(value) => {
                    read.authority_key_id = Some((critical, value));
                }
                ParsedExtension::SubjectAlternativeName(value) => {
                    read.alternative_names = Some((critical, &value.general_names));
                }
                ParsedExtension::CRLDistributionPoints(_) => read.has_distribution_points = true,
                ParsedExtension::AuthorityInfoAccess(_) => read.has_authority_information = true,
                _ => read.has_unknown_critical |= critical,
            }
        }
        read
    }

    pub(super) fn path_length(&self) -> Option<u32> {
        self.basic_constraints.and_then(|(_, constraints)| constraints.path_len_constraint)
    }

    /// Whether keyUsage is there and has this.
    pub(super) fn may(&self, usage: fn(&KeyUsage) -> bool) -> bool {
        self.key_usage.is_some_and(|(_, usages)| usage(usages))
    }

    /// The keyIdentifier of authorityKeyIdentifier.
    pub(super) fn issuer_key_id(&self) -> Option<&'a [u8]> {
        self.authority_key_id.and_then(|(_, value)| value.key_identifier.as_ref()).map(|id| id.0)
    }

    pub(super) fn names(&self) -> &'a [GeneralName<'a>] {
        self.alternative_names.map_or(&[], |(_, names)| names)
    }
}

/// Whether an extension that must not be critical is not.
pub(super) fn not_critical<T>(extension: &Marked<T>) -> bool {
    !matches!(extension, Some((true, _)))
}

/// Whether an extension is there and critical.
pub(super) fn critical<T>(extension: &Marked<T>) -> bool {
    matches!(extension, Some((true, _)))
}
