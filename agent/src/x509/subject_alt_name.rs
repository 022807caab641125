//! subjectAltName (RFC 5280 §4.2.1.6), and the name it must carry.

use core::fmt;
use core::net::IpAddr;

use super::CertificateError;
use super::der::{Element, Reader};

/// The name a broker must prove: what the image calls `server_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerName<'a> {
    /// A DNS name, letters, digits and hyphens; compared without regard to case.
    Dns(DnsName<'a>),
    /// An address; compared as bytes with an iPAddress SAN.
    Ip(IpAddr),
}

/// A DNS name in text form without a final dot (RFC 1123 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsName<'a>(&'a str);

impl<'a> DnsName<'a> {
    /// The name.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// The text is neither a DNS name nor an IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a DNS name nor an IP address")]
pub struct ServerNameError;

impl<'a> ServerName<'a> {
    /// Parses an IPv4 or IPv6 address, or a DNS name without wildcard and final dot.
    pub fn parse(text: &'a str) -> Result<Self, ServerNameError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let numeric_end =
            text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        // `1.2.3` and `999.1.1.1` are no addresses, and must not become names (RFC 1123 §2.1).
        if is_dns_name(text) && !numeric_end { Ok(Self::Dns(DnsName(text))) } else { Err(ServerNameError) }
    }
}

impl fmt::Display for ServerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name.0),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

fn is_dns_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// The names of a certificate: any number of them, each checked to be well formed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectAltName<'a> {
    names: Reader<'a>,
}

/// Context-specific tags of GeneralName.
mod tag {
    pub(super) const DNS_NAME: u8 = 0x82;
    pub(super) const IP_ADDRESS: u8 = 0x87;
}

impl<'a> SubjectAltName<'a> {
    pub(super) fn read(value: &mut Reader<'a>) -> Result<Self, CertificateError> {
        let names = value.sequence()?;
        let mut rest = names;
        loop {
            check(rest.element()?)?;
            if rest.is_empty() {
                return Ok(Self { names });
            }
        }
    }

    /// Exact matches only. A wildcard covers hosts that did not exist when it was issued, and a fleet's broker has
    /// a name that its images say in full.
    pub(super) fn contains(&self, wanted: &ServerName<'_>) -> bool {
        let mut rest = self.names;
        while let Ok(name) = rest.element() {
            let found = match (wanted, name.tag) {
                (ServerName::Dns(wanted), tag::DNS_NAME) => {
                    name.content.eq_ignore_ascii_case(wanted.0.as_bytes())
                }
                (ServerName::Ip(IpAddr::V4(wanted)), tag::IP_ADDRESS) => name.content == wanted.octets(),
                (ServerName::Ip(IpAddr::V6(wanted)), tag::IP_ADDRESS) => name.content == wanted.octets(),
                _ => false,
            };
            if found {
                return true;
            }
        }
        false
    }
}

fn check(name: Element<'_>) -> Result<(), CertificateError> {
    let well_formed = match name.tag {
        tag::DNS_NAME => core::str::from_utf8(name.content)
            .is_ok_and(|text| is_dns_name(text.strip_prefix("*.").unwrap_or(text))),
        tag::IP_ADDRESS => matches!(name.content.len(), 4 | 16),
        // otherName, rfc822Name, x400Address, directoryName, ediPartyName, URI, registeredID: never matched.
        0xa0 | 0x81 | 0xa3 | 0xa4 | 0xa5 | 0x86 | 0x88 => true,
        _ => false,
    };
    if well_formed { Ok(()) } else { Err(CertificateError::SubjectAltName) }
}
