//! Distinguished names (RFC 5280 §4.1.2.4) and alternative names (§4.2.1.6).

use std::fmt;
use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// A subject or issuer. Displays in the form of RFC 4514: last RDN first, `,+"\<>;#` escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    relative: Vec<Vec<Attribute>>,
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
    /// Not a string type we read (such as BMPString): the octets of the value.
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
pub(crate) fn attribute_type(name: &str) -> Option<&'static str> {
    SHORT_NAMES.iter().find(|(_, short)| *short == name).map(|(oid, _)| *oid)
}

impl DistinguishedName {
    /// A name of one common name.
    #[cfg(any(test, feature = "for-test"))]
    pub(super) fn for_test(common_name: &str) -> Self {
        let attribute = Attribute { oid: "2.5.4.3".into(), value: AttributeValue::Text(common_name.into()) };
        Self { relative: vec![vec![attribute]] }
    }

    pub(super) fn read(name: &X509Name<'_>) -> Self {
        let relative =
            name.iter_rdn().map(|relative| relative.iter().map(Attribute::read).collect()).collect();
        Self { relative }
    }

    /// Whether there is no attribute at all.
    pub fn is_empty(&self) -> bool {
        self.relative.iter().all(Vec::is_empty)
    }

    /// The values of every attribute of the dotted type `oid`, in order; `Err` holds one that is no readable string.
    pub(crate) fn values(&self, oid: &str) -> impl Iterator<Item = Result<&str, &[u8]>> {
        self.relative.iter().flatten().filter(move |attribute| *attribute.oid == *oid).map(|attribute| {
            match &attribute.value {
                AttributeValue::Text(text) => Ok(&**text),
                AttributeValue::Octets(octets) => Err(&**octets),
            }
        })
    }
}

impl Attribute {
    fn read(attribute: &AttributeTypeAndValue<'_>) -> Self {
        let value = match attribute.as_str() {
            Ok(text) => AttributeValue::Text(text.into()),
            Err(_) => AttributeValue::Octets(attribute.as_slice().into()),
        };
        Self { oid: attribute.attr_type().to_id_string().into(), value }
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

/// A name in the subjectAltName extension, of the kinds an identity can be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// dNSName.
    Dns(Box<str>),
    /// uniformResourceIdentifier.
    Uri(Box<str>),
    /// rfc822Name.
    Email(Box<str>),
    /// iPAddress.
    Ip(IpAddr),
}

impl AlternativeName {
    /// `None` for a kind of name that no identity is read from.
    pub(super) fn read(name: &GeneralName<'_>) -> Option<Self> {
        match name {
            GeneralName::DNSName(name) => Some(Self::Dns((*name).into())),
            GeneralName::URI(name) => Some(Self::Uri((*name).into())),
            GeneralName::RFC822Name(name) => Some(Self::Email((*name).into())),
            GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .ok()
                .map(Self::Ip),
            _ => None,
        }
    }
}
