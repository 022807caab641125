//! Where a redirect leads, if it is followed.

use http::HeaderValue;

use crate::url::{Url, UrlError};

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// The request is one that is not sent to another place.
    #[error("this request is not sent elsewhere")]
    NotAllowed,
    /// It does not say where to.
    #[error("it has no readable `Location`")]
    NoLocation,
    /// It leads to no URL that files are fetched from.
    #[error("it leads to no usable URL: {0}")]
    Url(UrlError),
    /// It leads to another host, or to another port.
    #[error("it leads to another host or port")]
    OtherHost,
    /// It leads from `https` to `http`.
    #[error("it leads from https to http")]
    ToHttp,
    /// It follows too many others.
    #[error("it follows too many others")]
    TooMany,
}

/// Where `location` (RFC 9110 §10.2.2), in the answer for `from`, leads: on the same host and port, and never out of TLS.
pub(crate) fn target(from: &Url, location: Option<&HeaderValue>) -> Result<Url, RedirectFault> {
    let location = location.and_then(|value| value.to_str().ok()).ok_or(RedirectFault::NoLocation)?;
    let to: Url = absolute(from, location).parse().map_err(RedirectFault::Url)?;
    if to.host() != from.host() || to.port() != from.port() {
        return Err(RedirectFault::OtherHost);
    }
    if from.is_https() && !to.is_https() {
        return Err(RedirectFault::ToHttp);
    }
    Ok(to)
}

/// A reference resolved against `base` (RFC 3986 §5.2), its dot segments left to the server.
fn absolute(base: &Url, reference: &str) -> String {
    let path = base.path_and_query().split('?').next().unwrap_or("/");
    let before_path = reference.split(['/', '?', '#']).next().unwrap_or_default();
    if before_path.contains(':') {
        reference.to_owned()
    } else if reference.starts_with("//") {
        let scheme = if base.is_https() { "https" } else { "http" };
        format!("{scheme}:{reference}")
    } else if reference.starts_with('/') {
        format!("{}{reference}", base.origin())
    } else if reference.is_empty() || reference.starts_with(['?', '#']) {
        format!("{}{path}{reference}", base.origin())
    } else {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{}{folder}/{reference}", base.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_port_and_never_out_of_tls() {
        let from = "https://pki.example.com:8443/lists/ca.crl?x=/1";
        for (location, expected) in [
            ("https://pki.example.com:8443/b.crl", Ok("https://pki.example.com:8443/b.crl")),
            ("https://PKI.example.com:8443/b.crl", Ok("https://PKI.example.com:8443/b.crl")),
            ("//pki.example.com:8443/b.crl", Ok("https://pki.example.com:8443/b.crl")),
            ("/b.crl", Ok("https://pki.example.com:8443/b.crl")),
            ("b.crl", Ok("https://pki.example.com:8443/lists/b.crl")),
            ("../b.crl", Ok("https://pki.example.com:8443/lists/../b.crl")),
            ("?y=2", Ok("https://pki.example.com:8443/lists/ca.crl?y=2")),
            ("", Ok("https://pki.example.com:8443/lists/ca.crl")),
            ("http://pki.example.com:8443/b.crl", Err(RedirectFault::ToHttp)),
            ("https://pki.example.com/b.crl", Err(RedirectFault::OtherHost)),
            ("https://pki.example.org:8443/b.crl", Err(RedirectFault::OtherHost)),
            ("//evil.example.com:8443/b.crl", Err(RedirectFault::OtherHost)),
            ("https://pki.example.com.evil.example:8443/", Err(RedirectFault::OtherHost)),
            (
                "https://pki.example.com:8443@evil.example/",
                Err(RedirectFault::Url(UrlError::UserInformation)),
            ),
            ("/b.crl#part", Err(RedirectFault::Url(UrlError::Fragment))),
            ("file:///etc/passwd", Err(RedirectFault::Url(UrlError::Scheme))),
            ("javascript:x", Err(RedirectFault::Url(UrlError::Scheme))),
        ] {
            let from = from.parse().unwrap();
            let location = HeaderValue::from_static(location);
            let found = target(&from, Some(&location));
            assert_eq!(
                found.as_ref().map(Url::as_str),
                expected.as_ref().map(|text| &**text),
                "{location:?}"
            );
        }
        let from = from.parse().unwrap();
        assert_eq!(target(&from, None), Err(RedirectFault::NoLocation));
        let latin = HeaderValue::from_bytes(b"/\xe4").unwrap();
        assert_eq!(target(&from, Some(&latin)), Err(RedirectFault::NoLocation));
        // Into TLS is allowed, on the same port: which no server has, unless it was asked for on purpose.
        let from = "http://h:8443/a".parse().unwrap();
        let into = HeaderValue::from_static("https://h:8443/a");
        assert_eq!(target(&from, Some(&into)).map(|url| url.to_string()), Ok("https://h:8443/a".into()));
    }
}
