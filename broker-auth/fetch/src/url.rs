//! [`Url`]: where a file is fetched from.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use rustls_pki_types::ServerName;

/// How long a URL may be, bytes.
const MAX_LEN: usize = 2048;

/// An absolute `http` or `https` URL (RFC 9110 §4.2) of at most 2,048 bytes, without user information and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    text: String,
    is_https: bool,
    host: ServerName<'static>,
    port: u16,
    path_and_query: String,
}

/// Why a text is not a URL that files are fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is longer than 2,048 bytes.
    #[error("it is longer than {MAX_LEN} bytes")]
    TooLong,
    /// A character that URLs do not have, or a `%` without two hexadecimal digits (RFC 3986 §2).
    #[error("{0:?} must be percent-encoded")]
    Character(char),
    /// It has a fragment, which no server is sent.
    #[error("it has a fragment (`#…`)")]
    Fragment,
    /// It has a user name or a password, which would be sent and logged (RFC 9110 §4.2.4).
    #[error("it has a user name or a password (`…@`)")]
    UserInformation,
    /// It does not begin with `http://` or `https://`.
    #[error("it is no http or https URL")]
    Scheme,
    /// Its host is neither a name nor an address.
    #[error("its host is neither a DNS name nor an IP address")]
    Host,
    /// Its port is not a number from 1 to 65,535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
}

impl Url {
    /// The URL as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is an `https` URL.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether its host is an address of this machine (127.0.0.0/8, `::1`). A name is not: who it is must be looked up.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            ServerName::IpAddress(address) => IpAddr::from(*address).is_loopback(),
            _ => false,
        }
    }

    /// The name that a certificate must have.
    pub(crate) fn server_name(&self) -> &ServerName<'static> {
        &self.host
    }

    /// The host in lower case, an IPv6 address without brackets.
    pub(crate) fn host(&self) -> Cow<'_, str> {
        self.host.to_str()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The scheme, host and port, without a path.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.host_and_port())
    }

    /// The value of `Host` (RFC 9110 §7.2): without the scheme's own port.
    pub(crate) fn host_and_port(&self) -> String {
        let host = match &self.host {
            ServerName::IpAddress(rustls_pki_types::IpAddr::V6(_)) => format!("[{}]", self.host()),
            _ => self.host().into_owned(),
        };
        if self.port == default_port(self.is_https) { host } else { format!("{host}:{}", self.port) }
    }

    /// What a server is asked for (RFC 9112 §3.2.1).
    pub(crate) fn path_and_query(&self) -> &str {
        &self.path_and_query
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_LEN {
            return Err(UrlError::TooLong);
        }
        check_characters(text)?;
        // The parser drops a fragment, and takes user information and any number as a port.
        let uri: Uri = text.parse().map_err(|_| UrlError::Scheme)?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::Host)?.as_str();
        if authority.contains('@') {
            return Err(UrlError::UserInformation);
        }
        let host = uri.host().ok_or(UrlError::Host)?;
        let port = match authority.strip_prefix(host).ok_or(UrlError::Host)? {
            "" => default_port(is_https),
            port => port.strip_prefix(':').and_then(parse_port).ok_or(UrlError::Port)?,
        };
        let is_bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = ServerName::try_from(is_bracketed.unwrap_or(host).to_ascii_lowercase())
            .map_err(|_| UrlError::Host)?;
        let is_ipv6 = matches!(host, ServerName::IpAddress(rustls_pki_types::IpAddr::V6(_)));
        if is_ipv6 != is_bracketed.is_some() {
            return Err(UrlError::Host);
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { text: text.to_owned(), is_https, host, port, path_and_query: format!("{slash}{path}") })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

/// A number from 1 to 65,535, without a sign.
fn parse_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|octet| octet.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

/// Nothing but unreserved, reserved and percent-encoded characters (RFC 3986 §2), and no fragment.
fn check_characters(text: &str) -> Result<(), UrlError> {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let is_legal = match character {
            '#' => return Err(UrlError::Fragment),
            '%' => {
                let mut is_digit = || rest.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                is_digit() && is_digit()
            }
            _ => character.is_ascii_alphanumeric() || "-._~:/?[]@!$&'()*+,;=".contains(character),
        };
        if !is_legal {
            return Err(UrlError::Character(character));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (text, host_and_port, port, path) in [
            ("http://pki.example.com/ca.crl", "pki.example.com", 80, "/ca.crl"),
            ("https://PKI.Example.com:8443/a%20b?c=d&e", "pki.example.com:8443", 8443, "/a%20b?c=d&e"),
            ("https://pki.example.com", "pki.example.com", 443, "/"),
            ("http://pki.example.com?x=1", "pki.example.com", 80, "/?x=1"),
            ("http://127.0.0.1:80/", "127.0.0.1", 80, "/"),
            ("HTTPS://[::1]:8443/x", "[::1]:8443", 8443, "/x"),
            ("https://[2001:db8::1]/x", "[2001:db8::1]", 443, "/x"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.as_str(), text);
            assert_eq!(
                (&*url.host_and_port(), url.port(), url.path_and_query()),
                (host_and_port, port, path)
            );
        }
    }

    #[test]
    fn loopback_is_an_address_and_no_name() {
        for (text, is_loopback) in [
            ("http://127.0.0.1:80/", true),
            ("http://127.255.0.9/", true),
            ("https://[::1]:8443/x", true),
            ("http://localhost/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://128.0.0.1/", false),
            ("http://[::2]/", false),
            ("http://[::ffff:127.0.0.1]/", false),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(
                (url.is_loopback(), url.is_https()),
                (is_loopback, text.starts_with("https")),
                "{text}"
            );
        }
    }

    #[test]
    fn whatever_else_is_no_url() {
        let long = format!("http://h/{}", "a".repeat(MAX_LEN));
        for (text, error) in [
            (&*long, UrlError::TooLong),
            ("", UrlError::Scheme),
            ("/etc/ca.crl", UrlError::Scheme),
            ("pki.example.com/ca.crl", UrlError::Scheme),
            ("pki.example.com:80", UrlError::Scheme),
            ("ldap://pki.example.com/ca", UrlError::Scheme),
            ("file:///etc/ca.crl", UrlError::Scheme),
            ("http:/pki.example.com/", UrlError::Scheme),
            ("http:///ca.crl", UrlError::Scheme),
            ("http://user@h/", UrlError::UserInformation),
            ("http://user:pass@h/", UrlError::UserInformation),
            ("http://@h/", UrlError::UserInformation),
            ("http://h/#top", UrlError::Fragment),
            ("http://h#", UrlError::Fragment),
            ("http://h:0/", UrlError::Port),
            ("http://h:65536/", UrlError::Port),
            ("http://h:+80/", UrlError::Port),
            ("http://h:8o/", UrlError::Port),
            ("http://h:/", UrlError::Port),
            ("http://::1/", UrlError::Scheme),
            ("http://[::1/", UrlError::Scheme),
            ("http://[127.0.0.1]/", UrlError::Host),
            ("http://[h]/", UrlError::Host),
            ("http://-h/", UrlError::Host),
            ("http://h..i/", UrlError::Host),
            ("http://h/a b", UrlError::Character(' ')),
            ("http://h/a\r\nHost: i", UrlError::Character('\r')),
            ("http://h/\u{e4}", UrlError::Character('\u{e4}')),
            ("http://h/\0", UrlError::Character('\0')),
            ("http://h/a\\b", UrlError::Character('\\')),
            ("http://h/{}", UrlError::Character('{')),
            ("http://h/%", UrlError::Character('%')),
            ("http://h/%4", UrlError::Character('%')),
            ("http://h/%4g", UrlError::Character('%')),
        ] {
            assert_eq!(text.parse::<Url>().err(), Some(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_safe_to_send(text in "(http|https|ftp)?(://)?[ -~\\r\\n\u{e4}]{0,40}") {
            if let Ok(url) = text.parse::<Url>() {
                let sent = format!("{}{}", url.host_and_port(), url.path_and_query());
                prop_assert!(sent.bytes().all(|octet| octet.is_ascii_graphic()) && !sent.contains('#'));
                prop_assert!(url.path_and_query().starts_with('/') && url.port() != 0);
                let again: Url = format!("{}{}", url.origin(), url.path_and_query()).parse().unwrap();
                prop_assert_eq!(again.host_and_port(), url.host_and_port());
                prop_assert_eq!(again.path_and_query(), url.path_and_query());
            }
        }
    }
}
