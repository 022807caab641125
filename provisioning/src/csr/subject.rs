//! The common names of a subject: the only strings of a request that are ever read.

use crate::der::{OID, SEQUENCE, SET, element, elements, tagged};

/// id-at-commonName (2.5.4.3), its content octets.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The common names of a subject in DER; `None` if one of them cannot be read.
pub(super) fn common_names(subject: &[u8]) -> Option<Vec<String>> {
    let (name, _) = tagged(subject, SEQUENCE)?;
    let mut found = Vec::new();
    for set in elements(name.content)? {
        for attribute in elements(set.content).filter(|_| set.tag == SET)? {
            let (kind, value) = tagged(attribute.content, OID)?;
            if kind.content == COMMON_NAME {
                let (value, _) = element(value)?;
                found.push(text(value.tag, value.content)?);
            }
        }
    }
    Some(found)
}

/// A string of any of the types that X.520 names, as OpenSSL reads it.
fn text(tag: u8, content: &[u8]) -> Option<String> {
    const UTF8: u8 = 12;
    const NUMERIC: u8 = 18;
    const PRINTABLE: u8 = 19;
    const TELETEX: u8 = 20;
    const IA5: u8 = 22;
    const VISIBLE: u8 = 26;
    const UNIVERSAL: u8 = 28;
    const BMP: u8 = 30;
    match tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => String::from_utf8(content.to_vec()).ok(),
        // Teletex is written as Latin-1 by everyone.
        TELETEX => Some(content.iter().copied().map(char::from).collect()),
        BMP => {
            let (units, rest) = content.as_chunks::<2>();
            let units: Vec<u16> = units.iter().copied().map(u16::from_be_bytes).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        UNIVERSAL => {
            let (units, rest) = content.as_chunks::<4>();
            let characters = units.iter().copied().map(|unit| char::from_u32(u32::from_be_bytes(unit)));
            characters.collect::<Option<String>>().filter(|_| rest.is_empty())
        }
        _ => None,
    }
}
