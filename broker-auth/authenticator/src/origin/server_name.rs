//! [`ServerName`]: what a client calls the server that it wants.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use rustls_pki_types::DnsName;

/// A host name, as a client sends it in the handshake (SNI, RFC 6066 §3): a whole name in lower case, without a dot at its
/// end. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerName(Arc<str>);

/// A text that is no host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAServerName {
    /// Addresses are never sent as one (RFC 6066 §3).
    #[error("clients that connect to an address send no name: make it the default's")]
    Address,
    /// Only whole names are told apart.
    #[error("it has a wildcard: name every host")]
    Wildcard,
    /// It is none.
    #[error("it is no host name")]
    Syntax,
}

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = NotAServerName;

    fn from_str(text: &str) -> Result<Self, NotAServerName> {
        if text.parse::<IpAddr>().is_ok() {
            return Err(NotAServerName::Address);
        }
        if text.contains('*') {
            return Err(NotAServerName::Wildcard);
        }
        if text.ends_with('.') || DnsName::try_from(text).is_err() {
            return Err(NotAServerName::Syntax);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_host_names_are_names() {
        for (text, wanted) in [
            ("fleet.example", Ok("fleet.example")),
            ("FLEET.Example", Ok("fleet.example")),
            ("localhost", Ok("localhost")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("fleet.example.", Err(NotAServerName::Syntax)),
            ("", Err(NotAServerName::Syntax)),
            (".", Err(NotAServerName::Syntax)),
            ("a..b", Err(NotAServerName::Syntax)),
            ("fleet example", Err(NotAServerName::Syntax)),
            ("bücher.example", Err(NotAServerName::Syntax)),
            ("fleet.example:8883", Err(NotAServerName::Syntax)),
            ("*.example", Err(NotAServerName::Wildcard)),
            ("192.0.2.1", Err(NotAServerName::Address)),
            ("2001:db8::1", Err(NotAServerName::Address)),
        ] {
            let read: Result<ServerName, _> = text.parse();
            assert_eq!(read.as_ref().map(ServerName::as_str).map_err(|error| *error), wanted, "{text:?}");
        }
    }
}
