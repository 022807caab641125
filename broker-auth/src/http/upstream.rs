//! [`Upstream`]: where an origin is, and how it is asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::uri::Authority;

use crate::transport::OriginTlsFiles;

/// Where an origin is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    authority: Authority,
    port: u16,
    /// How its certificate is verified. `None`: it is asked in plain text.
    pub(crate) tls: Option<OriginTlsFiles>,
    is_https: bool,
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no origin: http://host:port or https://host:port, without a path")]
pub(crate) struct NotAnOrigin;

impl Upstream {
    /// Whether what is said to it could be heard on the way: it is asked in plain text, and is not on this host.
    pub(crate) fn can_be_overheard(&self) -> bool {
        let host = self.host();
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        !self.is_https && !is_here
    }

    /// Its host, without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as they are written.
    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Whether it is asked by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.is_https { "https" } else { "http" }, self.authority)
    }
}

impl FromStr for Upstream {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let (rest, is_https, port) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (rest, false, 80),
            (_, Some(rest)) => (rest, true, 443),
            (None, None) => return Err(NotAnOrigin),
        };
        let authority: Authority = rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| NotAnOrigin)?;
        let has_port = authority.as_str().len() > authority.host().len();
        let port = if has_port { authority.port_u16().ok_or(NotAnOrigin)? } else { port };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(NotAnOrigin);
        }
        Ok(Self { authority, port, tls: None, is_https })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, host, port, overheard) in [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080, false),
            ("http://localhost", "localhost", 80, false),
            ("http://[::1]:81/", "::1", 81, false),
            ("http://10.0.0.1:81", "10.0.0.1", 81, true),
            ("http://origin.test", "origin.test", 80, true),
            ("https://origin.test", "origin.test", 443, false),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!((upstream.host(), upstream.port()), (host, port), "{text}");
            assert_eq!(upstream.can_be_overheard(), overheard, "{text}");
        }
        for text in [
            "",
            "a",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "http://a:b",
            "http://a:",
        ] {
            assert_eq!(text.parse::<Upstream>().unwrap_err(), NotAnOrigin, "{text}");
        }
    }
}
