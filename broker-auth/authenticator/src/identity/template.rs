//! How an identity is written in a certificate: `{CN}`, `pump-{serialNumber}`, `{SAN:DNS}`.

use std::str::FromStr;

use crate::brace_template::{self, BraceError, Part};
use crate::certificate::{AlternativeName, DistinguishedName, PeerCertificate, attribute_type};

/// The templates of `[identity]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTemplate {
    /// How a device's id is read from the certificates of a trust with role `device`.
    pub device_id: Template,
    /// How a service's name is read from the certificates of a trust with role `service`.
    pub service_name: Template,
}

impl Default for IdentityTemplate {
    /// The common name, which is what the factory writes.
    fn default() -> Self {
        let common_name = Template {
            source: "{CN}".to_owned(),
            parts: vec![Part::Field(NamedField {
                field: Field::Subject(COMMON_NAME.into()),
                name: "CN".into(),
            })],
        };
        Self { device_id: common_name.clone(), service_name: common_name }
    }
}

const COMMON_NAME: &str = "2.5.4.3";

/// Literal text and fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part<NamedField>>,
}

/// A field, and how the template calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedField {
    field: Field,
    name: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Field {
    /// An attribute of the subject, by its dotted type.
    Subject(Box<str>),
    /// An attribute of the issuer, by its dotted type.
    Issuer(Box<str>),
    Dns,
    Uri,
    Email,
    Ip,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{` that is never closed.
    #[error("a {{ is never closed")]
    Unclosed,
    /// A `}` that closes nothing.
    #[error("a }} closes nothing")]
    Unopened,
    /// No field: every certificate would be the same device.
    #[error("it names no field, so every certificate would have the same identity")]
    NoField,
    /// A field that is not known.
    #[error(
        "{{{name}}} is no field; there are {{CN}}, {{O}}, {{OU}}, {{C}}, {{ST}}, {{L}}, {{serialNumber}}, {{UID}}, {{DC}}, a dotted type such as \
         {{2.5.4.46}}, the same after issuer: as in {{issuer:CN}}, and {{SAN:DNS}}, {{SAN:URI}}, {{SAN:email}}, {{SAN:IP}}"
    )]
    UnknownField {
        /// What stood between the braces.
        name: String,
    },
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, TemplateError> {
        let parts =
            brace_template::parse(source, |name| Ok(NamedField { field: name.parse()?, name: name.into() }))
                .map_err(|error| match error {
                    BraceError::Unclosed => TemplateError::Unclosed,
                    BraceError::Unopened => TemplateError::Unopened,
                    BraceError::Field(unknown) => unknown,
                })?;
        if !parts.iter().any(|part| matches!(part, Part::Field(..))) {
            return Err(TemplateError::NoField);
        }
        Ok(Self { source: source.to_owned(), parts })
    }
}

impl FromStr for Field {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        let unknown = || TemplateError::UnknownField { name: name.to_owned() };
        if let Some(kind) = name.strip_prefix("SAN:") {
            return match kind {
                "DNS" => Ok(Self::Dns),
                "URI" => Ok(Self::Uri),
                "email" => Ok(Self::Email),
                "IP" => Ok(Self::Ip),
                _ => Err(unknown()),
            };
        }
        if let Some(attribute) = name.strip_prefix("issuer:") {
            return dotted_type(attribute).map(Self::Issuer).ok_or_else(unknown);
        }
        dotted_type(name).map(Self::Subject).ok_or_else(unknown)
    }
}

/// The dotted attribute type that `name` is, or is short for.
fn dotted_type(name: &str) -> Option<Box<str>> {
    let is_dotted = name.contains('.')
        && name.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|octet| octet.is_ascii_digit()));
    if is_dotted { Some(name.into()) } else { attribute_type(name).map(Into::into) }
}

impl Template {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The text for `certificate`; the error says which field had no value, several, or one that is no text.
    pub(super) fn expand(&self, certificate: &PeerCertificate) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(NamedField { field, name }) => {
                    text.push_str(&field.only_value(certificate, name)?);
                }
            }
        }
        Ok(text)
    }
}

impl Field {
    /// Exactly one value: with two, the requester of the certificate could choose which one counts.
    fn only_value(&self, certificate: &PeerCertificate, name: &str) -> Result<String, String> {
        let mut values = self.values(certificate);
        match (values.pop(), values.len()) {
            (Some(value), 0) => {
                value.ok_or_else(|| format!("the certificate's {{{name}}} is no readable text"))
            }
            (Some(_), more) => {
                Err(format!("the certificate has {} values for {{{name}}}, it must have one", more + 1))
            }
            (None, _) => Err(format!(
                "the certificate has no {{{name}}} (its subject is \"{}\")",
                certificate.subject()
            )),
        }
    }

    /// Every value; `None` is one that is no readable text.
    fn values(&self, certificate: &PeerCertificate) -> Vec<Option<String>> {
        let attributes = |name: &DistinguishedName, oid: &str| {
            name.values(oid).map(|value| value.ok().map(str::to_owned)).collect()
        };
        match self {
            Self::Subject(oid) => attributes(certificate.subject(), oid),
            Self::Issuer(oid) => attributes(certificate.issuer(), oid),
            Self::Dns | Self::Uri | Self::Email | Self::Ip => certificate
                .alternative_names()
                .iter()
                .filter_map(|name| match (self, name) {
                    (Self::Dns, AlternativeName::Dns(text))
                    | (Self::Uri, AlternativeName::Uri(text))
                    | (Self::Email, AlternativeName::Email(text)) => Some(Some(text.to_string())),
                    (Self::Ip, AlternativeName::Ip(address)) => Some(Some(address.to_string())),
                    _ => None,
                })
                .collect(),
        }
    }
}
