//! [`ResponderUrl`]: where an OCSP responder is asked.

use std::fmt;
use std::str::FromStr;

/// The longest URL that is looked at, in octets.
const MAX_LEN: usize = 1024;

/// The URL of an OCSP responder: `http` or `https`, a host, and a path.
///
/// Only what has one reading is one: two programs that read a URL differently would ask another host than the one that was
/// allowed. So there is no user name, query, fragment, percent sign, backslash or dot segment (RFC 3986 §3), and the host
/// is compared in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponderUrl {
    text: Box<str>,
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    path: Box<str>,
}

/// How a responder is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear: what a responder says is signed anyway (RFC 6960 §A.1).
    Http,
    /// Over TLS.
    Https,
}

/// Why a text is no URL of a responder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAResponderUrl {
    /// It is too long.
    #[error("it has {0} octets, a URL of a responder has at most {MAX_LEN}")]
    TooLong(usize),
    /// It is no `http` or `https` URL.
    #[error("it does not begin with http:// or https://")]
    Scheme,
    /// The host is none, or there is more than a host before the path.
    #[error("what stands before its path is no host, or a host and a port")]
    Host,
    /// The port is none.
    #[error("its port is no number from 1 to 65535")]
    Port,
    /// Something in the path could be read in two ways.
    #[error("its path has a character that is not printable, one of ? # % \\, or a segment . or ..")]
    Path,
}

impl ResponderUrl {
    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the responder is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, in lower case; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: 80 or 443 where none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, `/` where none is written.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it lies at `base` or below it: the same scheme, host and port, and a path that goes on where a segment ends.
    pub(super) fn is_below(&self, base: &Self) -> bool {
        let is_same_server = (self.scheme, &self.host, self.port) == (base.scheme, &base.host, base.port);
        let below = self.path.strip_prefix(&*base.path);
        is_same_server
            && below
                .is_some_and(|below| below.is_empty() || below.starts_with('/') || base.path.ends_with('/'))
    }
}

impl FromStr for ResponderUrl {
    type Err = NotAResponderUrl;

    fn from_str(text: &str) -> Result<Self, NotAResponderUrl> {
        if text.len() > MAX_LEN {
            return Err(NotAResponderUrl::TooLong(text.len()));
        }
        let (scheme, rest) = text.split_once("://").ok_or(NotAResponderUrl::Scheme)?;
        let (scheme, usual_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return Err(NotAResponderUrl::Scheme),
        };
        let (server, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = read_server(server, usual_port)?;
        let is_plain = |octet: u8| octet.is_ascii_graphic() && !b"?#%\\".contains(&octet);
        if !path.bytes().all(is_plain) || path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(NotAResponderUrl::Path);
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            text: text.into(),
            scheme,
            host: host.to_ascii_lowercase().into(),
            port,
            path: path.into(),
        })
    }
}

/// The host and the port.
fn read_server(server: &str, usual_port: u16) -> Result<(&str, u16), NotAResponderUrl> {
    let (host, port) = match server.rfind(']') {
        Some(end) => server.split_at(end + 1),
        None => server.split_at(server.find(':').unwrap_or(server.len())),
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(&octet))
        }
    };
    if !is_host {
        return Err(NotAResponderUrl::Host);
    }
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).ok_or(NotAResponderUrl::Port)?
        }
        Some(_) => return Err(NotAResponderUrl::Host),
        None if port.is_empty() => usual_port,
        None => return Err(NotAResponderUrl::Host),
    };
    Ok((host, port))
}

impl fmt::Display for ResponderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_one_reading() {
        for (text, parts) in [
            ("http://ocsp.example", Ok((Scheme::Http, "ocsp.example", 80, "/"))),
            ("HTTPS://OCSP.Example:8443/a/B", Ok((Scheme::Https, "ocsp.example", 8443, "/a/B"))),
            ("http://127.0.0.1:80/", Ok((Scheme::Http, "127.0.0.1", 80, "/"))),
            ("http://[::1]:8080/x", Ok((Scheme::Http, "[::1]", 8080, "/x"))),
            ("http://[::1]", Ok((Scheme::Http, "[::1]", 80, "/"))),
            ("ldap://ocsp.example", Err(NotAResponderUrl::Scheme)),
            ("ocsp.example", Err(NotAResponderUrl::Scheme)),
            ("http:/ocsp.example", Err(NotAResponderUrl::Scheme)),
            ("http://", Err(NotAResponderUrl::Host)),
            ("http:///ocsp", Err(NotAResponderUrl::Host)),
            ("http://user@ocsp.example", Err(NotAResponderUrl::Host)),
            ("http://user:1@ocsp.example", Err(NotAResponderUrl::Host)),
            ("http://ocsp.example?x", Err(NotAResponderUrl::Host)),
            ("http://ocsp.example#x", Err(NotAResponderUrl::Host)),
            ("http://ocsp.example\\@evil", Err(NotAResponderUrl::Host)),
            ("http://ocsp .example", Err(NotAResponderUrl::Host)),
            ("http://öcsp.example", Err(NotAResponderUrl::Host)),
            ("http://[::1", Err(NotAResponderUrl::Host)),
            ("http://[::1]x:80", Err(NotAResponderUrl::Host)),
            ("http://[1.2.3.4]", Err(NotAResponderUrl::Host)),
            ("http://a:1:2", Err(NotAResponderUrl::Host)),
            ("http://a:-1", Err(NotAResponderUrl::Host)),
            ("http://a:", Err(NotAResponderUrl::Port)),
            ("http://a:0", Err(NotAResponderUrl::Port)),
            ("http://a:65536", Err(NotAResponderUrl::Port)),
            ("http://a/b/../c", Err(NotAResponderUrl::Path)),
            ("http://a/b/.", Err(NotAResponderUrl::Path)),
            ("http://a/b/%2e%2e/c", Err(NotAResponderUrl::Path)),
            ("http://a/b?c", Err(NotAResponderUrl::Path)),
            ("http://a/b\\c", Err(NotAResponderUrl::Path)),
            ("http://a/b c", Err(NotAResponderUrl::Path)),
            ("http://a/b\r\nHost: c", Err(NotAResponderUrl::Path)),
        ] {
            let url = text.parse::<ResponderUrl>();
            let found = url.as_ref().map(|url| (url.scheme(), url.host(), url.port(), url.path()));
            assert_eq!(found.map_err(|error| *error), parts, "{text}");
        }
        let long = format!("http://a/{}", "x".repeat(MAX_LEN));
        assert_eq!(long.parse::<ResponderUrl>(), Err(NotAResponderUrl::TooLong(MAX_LEN + 9)));
        assert!(long[..MAX_LEN].parse::<ResponderUrl>().is_ok());
    }
}
