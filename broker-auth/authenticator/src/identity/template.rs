//! How an identity is written in a certificate: `{CN}`, `pump-{serialNumber}`, `{SAN:email|local-part}`.

mod certificate_field;
mod error;
mod field;
mod named_field;
mod no_value;
mod pattern;
mod usefulness;
mod value_part;

pub use certificate_field::CertificateField;
pub use error::{TemplateError, Useless};
pub use pattern::{Pattern, PatternError};

use std::str::FromStr;

use field::{COMMON_NAME, Field};
use named_field::NamedField;
pub(in crate::identity) use no_value::NoValue;
use usefulness::{mended, refuse_useless};

use crate::brace_template::{self, BraceError, Part};
use crate::certificate::PeerCertificate;

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
    /// The common name.
    pub(super) fn common_name() -> Self {
        let named = NamedField { field: Field::Subject(COMMON_NAME.into()), part: None, name: "CN".into() };
        Self { source: "{CN}".to_owned(), parts: vec![Part::Field(named)] }
    }

    /// Parses a template whose text a pattern takes an identity out of: the text itself need be none.
    ///
    /// # Errors
    /// It is no template, or has no field of the client's own.
    pub fn for_pattern(source: &str) -> Result<Self, TemplateError> {
        let parts = parse(source)?;
        let mut fields = parts.iter().filter_map(|part| match part {
            Part::Field(named) => Some(named),
            Part::Literal(_) => None,
        });
        match fields.next() {
            None => Err(TemplateError::NoField),
            Some(first) if first.field.is_of_issuer() && fields.all(|named| named.field.is_of_issuer()) => {
                Err(TemplateError::Useless { useless: Useless::IssuerAlone, instead: None })
            }
            Some(_) => Ok(Self { source: source.to_owned(), parts }),
        }
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The text for `certificate`; the error says which field had no value, several, or one that is no text
    /// or lacks the part that is taken.
    pub(super) fn expand(&self, certificate: &PeerCertificate) -> Result<String, NoValue> {
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
