//! [`Address`]: the broker's host names and port.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;

use rustls_pki_types::{DnsName, ServerName};
use serde::{Serialize, Serializer};

/// A DNS name or an IP address of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// A DNS name, without a trailing dot.
    Name(DnsName<'static>),
    /// An IP address.
    Ip(IpAddr),
}

/// Why a text is neither a DNS name nor an IP address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither a DNS name nor an IP address")]
pub(crate) struct HostError {
    /// The text, at most 80 characters of it.
    text: String,
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let host_error = || HostError { text: text.chars().take(80).collect() };
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Ip(ip));
        }
        // DNS ignores a trailing dot; the name check of a TLS client may not. Wildcards, with which any host of a domain
        // could pass for the broker, are refused by `DnsName`.
        if text.ends_with('.') {
            return Err(host_error());
        }
        let name = DnsName::try_from(text.to_ascii_lowercase()).map_err(|_| host_error())?;
        Ok(Self::Name(name))
    }
}

impl Host {
    /// The name that a TLS client verifies.
    pub(crate) fn server_name(&self) -> ServerName<'static> {
        match self {
            Self::Name(name) => ServerName::DnsName(name.clone()),
            Self::Ip(ip) => ServerName::IpAddress((*ip).into()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.pad(name.as_ref()),
            Self::Ip(ip) => fmt::Display::fmt(ip, f),
        }
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The host names of the broker, at least one. Devices use the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Hosts(Vec<Host>);

impl Hosts {
    /// From one or more names; `None` if there are none.
    pub(crate) fn new(hosts: Vec<Host>) -> Option<Self> {
        (!hosts.is_empty()).then_some(Self(hosts))
    }

    /// These names, then those of `more` that are not among them.
    pub(crate) fn with(&self, more: &Self) -> Self {
        let mut hosts = self.0.clone();
        for host in &more.0 {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        Self(hosts)
    }

    /// The name that devices use.
    pub(crate) fn first(&self) -> String {
        self.0.first().map(Host::to_string).unwrap_or_default()
    }

    /// All names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.0.iter()
    }
}

/// The host names and the port at which devices find the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The host names; credential images have the first.
    pub(crate) hosts: Hosts,
    /// The TCP port.
    pub(crate) port: NonZeroU16,
}

impl Address {
    /// The port of MQTT over TLS (IANA: secure-mqtt).
    pub(crate) const STANDARD_PORT: NonZeroU16 = match NonZeroU16::new(8883) {
        Some(port) => port,
        None => NonZeroU16::MAX,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_and_ip_addresses_parse_and_other_text_does_not() {
        assert_eq!("Broker.Example".parse::<Host>().unwrap().to_string(), "broker.example");
        assert_eq!("::1".parse::<Host>().unwrap(), Host::Ip("::1".parse().unwrap()));
        for text in ["", "a b", "*.example", "example.", "broker:8883", "http://broker", "-a", "bröker"] {
            assert!(text.parse::<Host>().is_err(), "{text:?} passed");
        }
    }
}
