//! Whether a template can tell devices apart: some certificate must yield an id, and another one another.

use device_identity::{DeviceId, DeviceIdError};

use super::error::Useless;
use super::named_field::NamedField;
use super::value_part::ValuePart;
use crate::brace_template::Part;

/// Refuses a template that yields an id for no certificate, or the same for all of one CA. Devices and services have
/// one grammar.
///
/// The shortest values that its fields can have make an example; if that is no id, nothing longer is.
pub(super) fn refuse_useless(parts: &[Part<NamedField>]) -> Result<(), Useless> {
    let mut example = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => example.push_str(literal),
            Part::Field(named) => match named.shortest_in_id() {
                Some(value) => example.push_str(value),
                None => return Err(Useless::Address { name: named.name.to_string() }),
            },
        }
    }
    match DeviceId::new(&example) {
        // There is a field, and none has an empty value.
        Ok(_) | Err(DeviceIdError::Empty) => {}
        // Its values can be part of an id, so what is wrong is the template's own text.
        Err(DeviceIdError::BadStart { found }) if is_in_ids(found) => return Err(Useless::Start { found }),
        Err(DeviceIdError::BadStart { found } | DeviceIdError::BadCharacter { found, .. }) => {
            return Err(Useless::Character { found });
        }
        Err(DeviceIdError::TooLong { length }) => return Err(Useless::TooLong { length }),
    }
    let is_of_issuer = |part: &Part<NamedField>| match part {
        Part::Literal(_) => true,
        Part::Field(NamedField { field, .. }) => field.is_of_issuer(),
    };
    if parts.iter().all(is_of_issuer) { Err(Useless::IssuerAlone) } else { Ok(()) }
}

/// A template like this one without the characters that no id has, with the local part of addresses, and with a field of
/// the subject.
pub(super) fn mended(parts: &[Part<NamedField>]) -> String {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(literal) => {
                let mut mended = String::new();
                for character in literal.chars() {
                    if is_in_ids(character) {
                        mended.push(character);
                    } else if !mended.ends_with('-') {
                        mended.push('-');
                    }
                }
                let is_last = index + 1 == parts.len();
                let mended = match (index, is_last && !literal.ends_with(is_in_ids)) {
                    (0, _) => mended.trim_start_matches(|first: char| !first.is_ascii_alphanumeric()),
                    (_, true) => mended.trim_end_matches('-'),
                    (_, false) => &mended,
                };
                text.push_str(mended);
            }
            Part::Field(named) => {
                text.push('{');
                text.push_str(&named.name);
                if named.shortest_in_id().is_none() {
                    text.push('|');
                    text.push_str(ValuePart::LocalPart.as_str());
                }
                text.push('}');
            }
        }
    }
    if !parts.iter().any(|part| matches!(part, Part::Field(named) if !named.field.is_of_issuer())) {
        text.push_str("-{CN}");
    }
    text
}

/// Whether `character` stands in ids, though perhaps not first.
fn is_in_ids(character: char) -> bool {
    let mut octets = [0; 4];
    let text = character.encode_utf8(&mut octets);
    !matches!(DeviceId::new(&format!("0{text}")), Err(DeviceIdError::BadCharacter { .. }))
}
