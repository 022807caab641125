//! [`DistinguishedName`]: a subject or issuer (RFC 5280 §4.1.2.4).

use std::fmt;

use x509_parser::asn1_rs::{Oid, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A subject or issuer. Displays in the form of RFC 4514: last RDN first, `,+"\<>;#` escaped.
///
/// `==` compares what was written, character by character. Whether two names are the same name for issuing, which knows
/// no case and no double spaces, is asked of [`DistinguishedName::is_same_name`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    relative: Vec<Vec<Attribute>>,
    comparable: Box<[u8]>,
}

/// One attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    /// The type, dotted.
    oid: Box<str>,
    value: AttributeValue,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AttributeValue {
    Text(Box<str>),
    /// No string type that is read, or not what its type allows: the octets of the value.
    Octets(Box<[u8]>),
}

/// The attribute types with a short name: RFC 4514 §3, and `serialNumber`, which device certificates use.
const SHORT_NAMES: [(&str, &str); 10] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// The dotted type that `name` is short for.
pub fn attribute_type(name: &str) -> Option<&'static str> {
    SHORT_NAMES.iter().find(|(_, short)| *short == name).map(|(oid, _)| *oid)
}

impl DistinguishedName {
    /// A name of one common name.
    #[cfg(any(test, feature = "for-test"))]
    pub fn for_test(common_name: &str) -> Self {
        let attribute = Attribute { oid: "2.5.4.3".into(), value: AttributeValue::Text(common_name.into()) };
        Self::new(vec![vec![attribute]])
    }

    /// Reads a parsed name.
    pub fn read(name: &X509Name<'_>) -> Self {
        Self::new(name.iter_rdn().map(|relative| relative.iter().map(Attribute::read).collect()).collect())
    }

    fn new(relative: Vec<Vec<Attribute>>) -> Self {
        Self { comparable: comparable(&relative), relative }
    }

    /// Whether there is no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.relative.iter().all(Vec::is_empty)
    }

    /// Whether both are one name by the rules of RFC 5280 §7.1: string types do not matter, nor case, nor how many
    /// spaces stand between words, nor the order of the attributes within an RDN. Of the string preparation of
    /// RFC 4518, compatibility forms of characters are not folded.
    pub fn is_same_name(&self, other: &Self) -> bool {
        self.comparable == other.comparable
    }

    /// Whether this name stands in the subtree below `base` (RFC 5280 §4.2.1.10).
    pub(crate) fn is_within(&self, base: &Self) -> bool {
        self.comparable.starts_with(&base.comparable)
    }

    /// The values of every attribute of the dotted type `oid`, in order; `Err` holds one that is no readable string.
    pub fn values(&self, oid: &str) -> impl Iterator<Item = Result<&str, &[u8]>> {
        self.relative.iter().flatten().filter(move |attribute| *attribute.oid == *oid).map(|attribute| {
            match &attribute.value {
                AttributeValue::Text(text) => Ok(&**text),
                AttributeValue::Octets(octets) => Err(&**octets),
            }
        })
    }
}

/// The name as octets that are equal for names that are the same. Every part has its length before it, so that a
/// shorter name is a prefix of a longer one only if its RDNs are.
fn comparable(relative: &[Vec<Attribute>]) -> Box<[u8]> {
    let mut octets = Vec::new();
    for relative in relative {
        let mut attributes: Vec<Vec<u8>> = relative.iter().map(Attribute::comparable).collect();
        attributes.sort_unstable();
        push_part(&mut octets, &attributes.concat());
    }
    octets.into()
}

fn push_part(octets: &mut Vec<u8>, part: &[u8]) {
    octets.extend((part.len() as u64).to_be_bytes());
    octets.extend(part);
}

impl Attribute {
    fn read(attribute: &AttributeTypeAndValue<'_>) -> Self {
        let value = match text(attribute.attr_value().tag(), attribute.as_slice()) {
            Some(text) => AttributeValue::Text(text.into()),
            None => AttributeValue::Octets(attribute.as_slice().into()),
        };
        Self { oid: dotted(attribute.attr_type()).into(), value }
    }

    fn comparable(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        push_part(&mut octets, self.oid.as_bytes());
        match &self.value {
            AttributeValue::Text(text) => {
                octets.push(0);
                push_part(&mut octets, folded(text).as_bytes());
            }
            AttributeValue::Octets(value) => {
                octets.push(1);
                push_part(&mut octets, value);
            }
        }
        octets
    }
}

/// The type in dotted form. The parser's own takes the first octet for two arcs, which is true of the first subidentifier
/// (X.690 §8.19.4), and so misreads the types below 2.40 and beyond. An arc of more than 128 bits is left to it.
pub(crate) fn dotted(oid: &Oid<'_>) -> String {
    let mut arcs: Vec<u128> = Vec::new();
    let mut arc = 0_u128;
    for octet in oid.as_bytes() {
        let Some(shifted) = arc.checked_mul(128) else { return oid.to_id_string() };
        arc = shifted | u128::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                let root = (arc / 40).min(2);
                arcs.push(root);
                arc -= 40 * root;
            }
            arcs.push(arc);
            arc = 0;
        }
    }
    arcs.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

/// Without case, and with one space between words (RFC 4518 §2.2, §2.6.1).
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split(char::is_whitespace).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// The characters of a string type (RFC 5280 §4.1.2.4). TeletexString is read where it is ASCII: beyond, every tool
/// means something else by it.
fn text(tag: Tag, octets: &[u8]) -> Option<String> {
    match tag {
        Tag::Utf8String => std::str::from_utf8(octets).ok().map(str::to_owned),
        Tag::NumericString | Tag::PrintableString | Tag::Ia5String | Tag::VisibleString => {
            // Some tools write UTF-8 into PrintableString; it was read so before, and names nobody else.
            std::str::from_utf8(octets).ok().map(str::to_owned)
        }
        Tag::TeletexString => octets.is_ascii().then(|| octets.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let (units, []) = octets.as_chunks::<2>() else { return None };
            char::decode_utf16(units.iter().copied().map(u16::from_be_bytes)).collect::<Result<_, _>>().ok()
        }
        Tag::UniversalString => {
            let (characters, []) = octets.as_chunks::<4>() else { return None };
            characters.iter().copied().map(|octets| char::from_u32(u32::from_be_bytes(octets))).collect()
        }
        _ => None,
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, relative) in self.relative.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, attribute) in relative.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SHORT_NAMES.iter().find(|(oid, _)| *oid == &*self.oid) {
            Some((_, short)) => write!(f, "{short}=")?,
            None => write!(f, "{}=", self.oid)?,
        }
        match &self.value {
            AttributeValue::Text(text) => write_escaped(f, text),
            AttributeValue::Octets(octets) => {
                f.write_str("#")?;
                octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

/// RFC 4514 §2.4; control characters are written as hex pairs too, so that a name stays on its line.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (index, character) in text.chars().enumerate() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => write!(f, "\\{character}")?,
            '#' if index == 0 => f.write_str("\\#")?,
            ' ' if index == 0 || index == last => f.write_str("\\ ")?,
            control if control.is_control() => {
                let mut octets = [0; 4];
                control.encode_utf8(&mut octets).bytes().try_for_each(|octet| write!(f, "\\{octet:02x}"))?;
            }
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
