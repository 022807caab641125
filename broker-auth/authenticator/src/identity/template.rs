//! How an identity is written in a certificate: `{CN}`, `pump-{serialNumber}`, `{SAN:email|local-part}`.

mod certificate_field;
mod error;
mod field;
mod named_field;
mod usefulness;
mod value_part;

pub use certificate_field::CertificateField;
pub use error::{TemplateError, Useless};

use std::str::FromStr;

use field::{COMMON_NAME, Field};
use named_field::NamedField;
use usefulness::{mended, refuse_useless};

use crate::brace_template::{self, BraceError, Part};
use crate::certificate::PeerCertificate;

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
                part: None,
                name: "CN".into(),
            })],
        };
        Self { device_id: common_name.clone(), service_name: common_name }
    }
}

/// Literal text and fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part<NamedField>>,
}

impl FromStr for Template {
    type Err = TemplateError;

    /// Parses a template. One that could never yield an identity, or only ever the same one, is none.
    fn from_str(source: &str) -> Result<Self, TemplateError> {
        let parts = parse(source)?;
        if !parts.iter().any(|part| matches!(part, Part::Field(..))) {
            return Err(TemplateError::NoField);
        }
        refuse_useless(&parts).map_err(|useless| {
            let is_useful = |text: &String| parse(text).is_ok_and(|parts| refuse_useless(&parts).is_ok());
            TemplateError::Useless { useless, instead: Some(mended(&parts)).filter(is_useful) }
        })?;
        Ok(Self { source: source.to_owned(), parts })
    }
}

fn parse(source: &str) -> Result<Vec<Part<NamedField>>, TemplateError> {
    brace_template::parse(source, str::parse).map_err(|error| match error {
        BraceError::Unclosed => TemplateError::Unclosed,
        BraceError::Unopened => TemplateError::Unopened,
        BraceError::Field(unknown) => unknown,
    })
}

impl Template {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The text for `certificate`; the error says which field had no value, several, or one that is no text
    /// or lacks the part that is taken.
    pub(super) fn expand(&self, certificate: &PeerCertificate) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Field(named) => named.expand(certificate, &mut text)?,
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
