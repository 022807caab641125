//! [`NameConstraints`]: which names a CA may issue for (RFC 5280 §4.2.1.10).

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use crate::alternative_name::{AlternativeName, kind_name};
use crate::der;
use crate::distinguished_name::DistinguishedName;

/// The kind of directoryName, which a subject is too.
const DIRECTORY: u32 = 4;

/// Which names a CA may issue for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

/// One subtree of names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subtree {
    Dns(Box<str>),
    Uri(Box<str>),
    Email(Box<str>),
    /// Address and mask.
    Ip4(u32, u32),
    Ip6(u128, u128),
    Directory(DistinguishedName),
    /// A kind that is not processed, or one that cannot be read.
    Unprocessed(u32),
}

/// Why a certificate may not stand below a CA.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameConstraintFault {
    /// A name is in no permitted subtree, or in an excluded one.
    #[error("the name {0} is not one that it may issue for (its name constraints)")]
    NotPermitted(String),
    /// The certificate has a name of a kind whose constraints are not processed.
    #[error("its name constraints for names of the kind {0} are not processed here")]
    Unprocessed(&'static str),
}

impl NameConstraints {
    /// Reads the extension. `None`: it is not in the form of RFC 5280.
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let mut content = der::only(value, der::SEQUENCE)?.content;
        let mut this = Self { permitted: Vec::new(), excluded: Vec::new() };
        if content.is_empty() {
            return None;
        }
        if content.first() == Some(&0xa0) {
            this.permitted = subtrees(der::take(&mut content)?.content)?;
        }
        if content.first() == Some(&0xa1) {
            this.excluded = subtrees(der::take(&mut content)?.content)?;
        }
        content.is_empty().then_some(this)
    }

    /// Whether every name of a certificate is one that the CA may issue for.
    pub(crate) fn allow(
        &self,
        subject: &DistinguishedName,
        alternative_names: &[AlternativeName],
    ) -> Result<(), NameConstraintFault> {
        if !subject.is_empty() {
            self.allow_name(&AlternativeName::Directory(subject.clone()))?;
        }
        alternative_names.iter().try_for_each(|name| self.allow_name(name))?;
        // RFC 5280 §4.2.1.10: an e-mail address in the subject counts where there is none among the alternative names.
        let has_email = alternative_names.iter().any(|name| name.kind() == 1);
        if !has_email {
            for address in subject.values("1.2.840.113549.1.9.1").flatten() {
                self.allow_name(&AlternativeName::Email(address.into()))?;
            }
        }
        Ok(())
    }

    fn allow_name(&self, name: &AlternativeName) -> Result<(), NameConstraintFault> {
        let kind = name.kind();
        let mut permitted = self.permitted.iter().filter(|subtree| subtree.kind() == kind).peekable();
        let mut excluded = self.excluded.iter().filter(|subtree| subtree.kind() == kind).peekable();
        if permitted.peek().is_none() && excluded.peek().is_none() {
            return Ok(());
        }
        let is_unprocessed = |subtree: &&Subtree| matches!(subtree, Subtree::Unprocessed(_));
        let is_other = matches!(
            name,
            AlternativeName::Other(_)
                | AlternativeName::HardwareModule(_)
                | AlternativeName::UnreadableHardwareModule
        );
        if is_other || permitted.clone().chain(excluded.clone()).any(|subtree| is_unprocessed(&subtree)) {
            return Err(NameConstraintFault::Unprocessed(kind_name(kind)));
        }
        let is_permitted = permitted.peek().is_none() || permitted.any(|subtree| subtree.contains(name));
        if is_permitted && !excluded.any(|subtree| subtree.contains(name)) {
            return Ok(());
        }
        Err(NameConstraintFault::NotPermitted(match name {
            AlternativeName::Dns(name) | AlternativeName::Uri(name) | AlternativeName::Email(name) => {
                format!("\"{name}\"")
            }
            AlternativeName::Ip(address) => address.to_string(),
            AlternativeName::Directory(name) => format!("\"{name}\""),
            AlternativeName::HardwareModule(_)
            | AlternativeName::UnreadableHardwareModule
            | AlternativeName::Other(_) => kind_name(kind).to_owned(),
        }))
    }
}

/// GeneralSubtrees. A subtree with a minimum or maximum is of a kind that is not processed.
fn subtrees(mut content: &[u8]) -> Option<Vec<Subtree>> {
    let mut subtrees = Vec::new();
    while !content.is_empty() {
        let mut subtree = der::expect(&mut content, der::SEQUENCE)?.content;
        let base = der::take(&mut subtree)?;
        let parsed = Subtree::read(base.whole).filter(|_| subtree.is_empty());
        subtrees.push(parsed.unwrap_or_else(|| Subtree::Unprocessed(u32::from(base.tag & 0x1f))));
    }
    (!subtrees.is_empty()).then_some(subtrees)
}

impl Subtree {
    fn read(base: &[u8]) -> Option<Self> {
        let (_, name) = GeneralName::from_der(base).ok()?;
        Some(match name {
            GeneralName::DNSName(name) => Self::Dns(name.into()),
            GeneralName::URI(name) => Self::Uri(name.into()),
            GeneralName::RFC822Name(name) => Self::Email(name.into()),
            GeneralName::DirectoryName(name) => Self::Directory(DistinguishedName::read(&name)),
            GeneralName::IPAddress(octets) => match octets.len() {
                8 => {
                    let (address, mask) = octets.split_first_chunk()?;
                    Self::Ip4(u32::from_be_bytes(*address), u32::from_be_bytes(mask.try_into().ok()?))
                }
                32 => {
                    let (address, mask) = octets.split_first_chunk()?;
                    Self::Ip6(u128::from_be_bytes(*address), u128::from_be_bytes(mask.try_into().ok()?))
                }
                _ => return None,
            },
            _ => return None,
        })
    }

    fn kind(&self) -> u32 {
        match self {
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => DIRECTORY,
            Self::Uri(_) => 6,
            Self::Ip4(..) | Self::Ip6(..) => 7,
            Self::Unprocessed(kind) => *kind,
        }
    }

    fn contains(&self, name: &AlternativeName) -> bool {
        match (self, name) {
            (Self::Dns(base), AlternativeName::Dns(name)) => is_within_domain(base, name, true),
            (Self::Uri(base), AlternativeName::Uri(uri)) => {
                host(uri).is_some_and(|host| match base.strip_prefix('.') {
                    Some(_) => is_within_domain(base, host, true),
                    None => base.eq_ignore_ascii_case(host),
                })
            }
            (Self::Email(base), AlternativeName::Email(address)) => contains_address(base, address),
            (Self::Ip4(base, mask), AlternativeName::Ip(IpAddr::V4(address))) => {
                u32::from(*address) & mask == base & mask
            }
            (Self::Ip6(base, mask), AlternativeName::Ip(IpAddr::V6(address))) => {
                u128::from(*address) & mask == base & mask
            }
            (Self::Directory(base), AlternativeName::Directory(name)) => name.is_within(base),
            _ => false,
        }
    }
}

/// Whether `name` is `base`, or has labels before it. A leading dot leaves `base` itself out.
fn is_within_domain(base: &str, name: &str, with_subdomains: bool) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    if base.is_empty() {
        return true;
    }
    let (base, is_itself) = match base.strip_prefix('.') {
        Some(rest) => (rest, false),
        None => (base, true),
    };
    if is_itself && name.eq_ignore_ascii_case(base) {
        return true;
    }
    let (name, base) = (name.as_bytes(), base.as_bytes());
    with_subdomains
        && name.len() > base.len() + 1
        && name[name.len() - base.len() - 1] == b'.'
        && name[name.len() - base.len()..].eq_ignore_ascii_case(base)
}

/// RFC 5280 §4.2.1.10: a mailbox, a host, or with a leading dot the hosts of a domain.
fn contains_address(base: &str, address: &str) -> bool {
    let Some((local, host)) = address.rsplit_once('@') else { return false };
    match base.rsplit_once('@') {
        Some((base_local, base_host)) => base_local == local && base_host.eq_ignore_ascii_case(host),
        None => is_within_domain(base, host, base.starts_with('.')),
    }
}

/// The host of a URI with an authority (RFC 3986 §3.2.2).
fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // RFC 5280 constrains host names alone: an address is in no subtree.
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    (!host.is_empty() && !host.starts_with('[') && host.parse::<IpAddr>().is_err()).then_some(host)
}
