//! [`NamedField`]: what stands between the braces of a template.

use std::str::FromStr;

use super::error::TemplateError;
use super::field::Field;
use super::no_value::NoValue;
use super::value_part::{UnknownPart, ValuePart};
use crate::certificate::PeerCertificate;

/// The longest beginning of a value that evidence quotes, in characters: it is the client's text.
const MAX_SHOWN: usize = 80;

/// A field, which part of it is taken if not the whole, and how the template calls both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedField {
    pub(super) field: Field,
    pub(super) part: Option<ValuePart>,
    pub(super) name: Box<str>,
}

impl FromStr for NamedField {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        let Some((field_name, part)) = name.split_once('|') else {
            return Ok(Self { field: name.parse()?, part: None, name: name.into() });
        };
        let field: Field = field_name.parse()?;
        let part: ValuePart =
            part.parse().map_err(|UnknownPart| TemplateError::UnknownPart { part: part.to_owned() })?;
        if !field.can_have(part) {
            return Err(TemplateError::NoSuchPart {
                field: field_name.to_owned(),
                part: part.as_str(),
                found_in: part.found_in(),
            });
        }
        Ok(Self { field, part: Some(part), name: name.into() })
    }
}

impl NamedField {
    /// Adds the text for `certificate` to `text`.
    pub(super) fn expand(&self, certificate: &PeerCertificate, text: &mut String) -> Result<(), NoValue> {
        let Self { field, part, name } = self;
        let value = field.only_value(certificate, name)?;
        match part {
            None => text.push_str(&value),
            Some(part) => text.push_str(&part.of(&value).map_err(|fault| {
                let shown: String = value.chars().take(MAX_SHOWN).collect();
                NoValue::Unfit(format!(
                    "the certificate's value {shown:?} for {{{name}}} yields no device id: {fault}"
                ))
            })?),
        }
        Ok(())
    }

    /// The shortest value, or part of one, that can be in an id.
    pub(super) fn shortest_in_id(&self) -> Option<&'static str> {
        match self.part {
            Some(_) => Some("0"),
            None => self.field.shortest_in_id(),
        }
    }
}
