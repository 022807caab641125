//! [`AlternativeName`]: one name of the subjectAltName extension (RFC 5280 §4.2.1.6).

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;

use crate::distinguished_name::DistinguishedName;
use crate::hardware_module::{HARDWARE_MODULE_NAME, HardwareModuleName};

/// One name of the subjectAltName extension.
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
    /// directoryName.
    Directory(DistinguishedName),
    /// otherName with the name of a hardware module.
    HardwareModule(HardwareModuleName),
    /// The name of a hardware module that cannot be read.
    UnreadableHardwareModule,
    /// A kind that nothing is read from, or one that cannot be read: its number, the context-specific tag.
    Other(u32),
}

impl AlternativeName {
    /// Reads a parsed name.
    pub fn read(name: &GeneralName<'_>) -> Self {
        match name {
            GeneralName::DNSName(name) => Self::Dns((*name).into()),
            GeneralName::URI(name) => Self::Uri((*name).into()),
            GeneralName::RFC822Name(name) => Self::Email((*name).into()),
            GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .map_or(Self::Other(7), Self::Ip),
            GeneralName::DirectoryName(name) => Self::Directory(DistinguishedName::read(name)),
            // One that cannot be read counts as one that is there.
            GeneralName::OtherName(kind, value) if kind.as_bytes() == HARDWARE_MODULE_NAME => {
                HardwareModuleName::read(value).map_or(Self::UnreadableHardwareModule, Self::HardwareModule)
            }
            GeneralName::OtherName(..) => Self::Other(0),
            GeneralName::X400Address(_) => Self::Other(3),
            GeneralName::EDIPartyName(_) => Self::Other(5),
            GeneralName::RegisteredID(_) => Self::Other(8),
            GeneralName::Invalid(tag, _) => Self::Other(tag.0),
        }
    }

    /// The number of its kind.
    pub(crate) fn kind(&self) -> u32 {
        match self {
            Self::HardwareModule(_) | Self::UnreadableHardwareModule => 0,
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::Other(kind) => *kind,
        }
    }
}

/// What RFC 5280 calls a kind of name.
pub(crate) fn kind_name(kind: u32) -> &'static str {
    match kind {
        0 => "otherName",
        1 => "rfc822Name",
        2 => "dNSName",
        3 => "x400Address",
        4 => "directoryName",
        5 => "ediPartyName",
        6 => "uniformResourceIdentifier",
        7 => "iPAddress",
        8 => "registeredID",
        _ => "unknown",
    }
}
