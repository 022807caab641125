//! [`Field`]: the part of a certificate that a template names.

use std::str::FromStr;

use data_encoding::HEXLOWER;

use super::error::TemplateError;
use super::no_value::NoValue;
use super::value_part::ValuePart;
use crate::certificate::{AlternativeName, DistinguishedName, PeerCertificate, attribute_type};

pub(super) const COMMON_NAME: &str = "2.5.4.3";

/// `emailAddress` of PKCS #9 (RFC 2985 §5.2.1).
const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// The part of a certificate that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// An attribute of the subject, by its dotted type.
    Subject(Box<str>),
    /// An attribute of the issuer, by its dotted type.
    Issuer(Box<str>),
    Dns,
    Uri,
    Email,
    Ip,
    /// Type and serial number of a hardware module (RFC 4108 §5).
    HardwareModule,
    /// Its serial number alone.
    HardwareSerial,
}

impl FromStr for Field {
    type Err = TemplateError;

    fn from_str(name: &str) -> Result<Self, TemplateError> {
        if let Some(kind) = name.strip_prefix("SAN:") {
            return match kind {
                "DNS" => Ok(Self::Dns),
                "URI" => Ok(Self::Uri),
                "email" => Ok(Self::Email),
                "IP" => Ok(Self::Ip),
                "HardwareModuleName" => Ok(Self::HardwareModule),
                "hwSerialNum" => Ok(Self::HardwareSerial),
                _ => Err(TemplateError::UnknownField { name: name.to_owned() }),
            };
        }
        match name.strip_prefix("issuer:") {
            Some(attribute) => dotted_type(attribute, name).map(Self::Issuer),
            None => dotted_type(name, name).map(Self::Subject),
        }
    }
}

/// The dotted type that `attribute` is, or is short for. `name` is how the template calls the field.
fn dotted_type(attribute: &str, name: &str) -> Result<Box<str>, TemplateError> {
    let short = if attribute == "emailAddress" { Some(EMAIL_ADDRESS) } else { attribute_type(attribute) };
    if let Some(oid) = short {
        return Ok(oid.into());
    }
    let arcs: Vec<&str> = attribute.split('.').collect();
    let is_dotted =
        arcs.len() > 1 && arcs.iter().all(|arc| !arc.is_empty() && arc.bytes().all(|c| c.is_ascii_digit()));
    if !is_dotted {
        return Err(TemplateError::UnknownField { name: name.to_owned() });
    }
    if is_object_identifier(&arcs) {
        Ok(attribute.into())
    } else {
        // It would be compared with the types of certificates as text, and be none of them.
        Err(TemplateError::NoObjectIdentifier { name: name.to_owned() })
    }
}

/// Whether the arcs are those of an object identifier, in the only way that one is written (X.660 §7.6).
fn is_object_identifier(arcs: &[&str]) -> bool {
    // Types of certificates are read up to arcs of 128 bits, which are UUIDs below 2.25.
    let is_number = |arc: &&str| (*arc == "0" || !arc.starts_with('0')) && arc.parse::<u128>().is_ok();
    let is_rooted = match arcs {
        ["2", ..] => true,
        ["0" | "1", second, ..] => second.parse::<u64>().is_ok_and(|second| second < 40),
        _ => false,
    };
    is_rooted && arcs.iter().all(is_number)
}

impl Field {
    /// Whether the same value stands in every certificate of one CA.
    pub(super) fn is_of_issuer(&self) -> bool {
        matches!(self, Self::Issuer(_))
    }

    /// Whether the values are mailboxes, which have an @ (RFC 5280 §4.2.1.6, §4.1.2.6).
    fn is_address(&self) -> bool {
        match self {
            Self::Email => true,
            Self::Subject(oid) | Self::Issuer(oid) => **oid == *EMAIL_ADDRESS,
            Self::Dns | Self::Uri | Self::Ip | Self::HardwareModule | Self::HardwareSerial => false,
        }
    }

    /// Whether a value can have `part`, and that be an id. What follows the last slash of an address holds its @.
    pub(super) fn can_have(&self, part: ValuePart) -> bool {
        match (self, part) {
            (Self::Subject(_) | Self::Issuer(_) | Self::Email, ValuePart::LocalPart) => true,
            (Self::Subject(_) | Self::Issuer(_), ValuePart::LastSegment) => !self.is_address(),
            (Self::Uri, ValuePart::LastSegment) | (Self::HardwareSerial, ValuePart::Text) => true,
            (_, ValuePart::Text | ValuePart::LocalPart | ValuePart::LastSegment) => false,
        }
    }

    /// The shortest value that can be an id, or a part of one. `None`: no value can.
    pub(super) fn shortest_in_id(&self) -> Option<&'static str> {
        match self {
            address if address.is_address() => None,
            // Attributes are text of any kind. What their types say of syntax (X.520) is no guide: OpenSSL writes text into
            // all of them, also into those that should be a sequence or a bit string.
            Self::Subject(_) | Self::Issuer(_) | Self::Dns | Self::Email => Some("0"),
            // RFC 5280 §4.2.1.6: with a scheme, and something after it.
            Self::Uri => Some("a:0"),
            Self::HardwareModule => Some("0.0:00"),
            Self::HardwareSerial => Some("00"),
            // `::` is no node's address (RFC 4291 §2.5.2).
            Self::Ip => Some("1::"),
        }
    }

    /// Exactly one value: with two, the requester of the certificate could choose which one counts. `name` is how the
    /// template calls the field.
    pub(super) fn only_value(&self, certificate: &PeerCertificate, name: &str) -> Result<String, NoValue> {
        let mut values = self.values(certificate);
        match (values.pop(), values.len()) {
            (Some(None), 0) => {
                Err(NoValue::Unfit(format!("the certificate's {{{name}}} is no readable text")))
            }
            // The identity would be made of the template's own text.
            (Some(Some(value)), 0) if value.is_empty() => Err(NoValue::Unfit(format!(
                "the certificate's {{{name}}} is empty, and a device id needs something of it"
            ))),
            (Some(Some(value)), 0) => Ok(value),
            (Some(_), more) => Err(NoValue::Unfit(format!(
                "the certificate has {} values for {{{name}}}, it must have one",
                more + 1
            ))),
            (None, _) => Err(NoValue::Absent(format!(
                "the certificate has no {{{name}}} (its subject is \"{}\")",
                certificate.subject()
            ))),
        }
    }

    /// Every value; `None` is one that is no readable text.
    pub(super) fn values(&self, certificate: &PeerCertificate) -> Vec<Option<String>> {
        let attributes = |name: &DistinguishedName, oid: &str| {
            name.values(oid).map(|value| value.ok().map(str::to_owned)).collect()
        };
        match self {
            Self::Subject(oid) => attributes(certificate.subject(), oid),
            Self::Issuer(oid) => attributes(certificate.issuer(), oid),
            Self::Dns | Self::Uri | Self::Email | Self::Ip | Self::HardwareModule | Self::HardwareSerial => {
                certificate.alternative_names().iter().filter_map(|name| self.alternative(name)).collect()
            }
        }
    }

    /// The value of `name`, if it is of this kind. These names are IA5String (RFC 5280 §4.2.1.6); one of other characters
    /// is no readable text, and counts as a value.
    fn alternative(&self, name: &AlternativeName) -> Option<Option<String>> {
        match (self, name) {
            (Self::Dns, AlternativeName::Dns(text))
            | (Self::Uri, AlternativeName::Uri(text))
            | (Self::Email, AlternativeName::Email(text)) => Some(text.is_ascii().then(|| text.to_string())),
            (Self::Ip, AlternativeName::Ip(address)) => Some(Some(address.to_string())),
            // In hex, whatever the octets are: two serial numbers never have one text.
            (Self::HardwareModule, AlternativeName::HardwareModule(name)) => {
                Some(Some(format!("{}:{}", name.kind, HEXLOWER.encode(&name.serial))))
            }
            (Self::HardwareSerial, AlternativeName::HardwareModule(name)) => {
                Some(Some(HEXLOWER.encode(&name.serial)))
            }
            (Self::HardwareModule | Self::HardwareSerial, AlternativeName::UnreadableHardwareModule) => {
                Some(None)
            }
            // One that could not be read, by the tag of its kind.
            (Self::Email, AlternativeName::Other(1))
            | (Self::Dns, AlternativeName::Other(2))
            | (Self::Uri, AlternativeName::Other(6))
            | (Self::Ip, AlternativeName::Other(7)) => Some(None),
            _ => None,
        }
    }
}
