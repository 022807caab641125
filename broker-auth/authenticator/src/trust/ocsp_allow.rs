//! [`OcspAllow`]: responders that may be asked.

use std::str::FromStr;

use super::responder_url::{NotAResponderUrl, ResponderUrl};

/// Responders that may be asked about certificates of a trust: the one at a URL, and those below it.
///
/// A certificate names its responder, and whoever made the certificate would otherwise choose where the broker connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAllow(ResponderUrl);

impl OcspAllow {
    /// The URL itself.
    pub fn url(&self) -> &ResponderUrl {
        &self.0
    }

    /// Whether the responder at `url` may be asked: scheme, host and port are the same, and the path goes on where a
    /// segment ends.
    pub fn allows(&self, url: &ResponderUrl) -> bool {
        url.is_below(&self.0)
    }
}

impl FromStr for OcspAllow {
    type Err = NotAResponderUrl;

    fn from_str(text: &str) -> Result<Self, NotAResponderUrl> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_allows_what_lies_below_it_and_nothing_that_only_begins_alike() {
        for (entry, url, allowed) in [
            ("http://ocsp.example", "http://ocsp.example", true),
            ("http://ocsp.example", "http://OCSP.example:80/any/path", true),
            ("http://ocsp.example/", "http://ocsp.example", true),
            ("http://ocsp.example", "http://ocsp.example.evil", false),
            ("http://ocsp.example", "http://xocsp.example", false),
            ("http://ocsp.example", "http://ocsp.example:81", false),
            ("http://ocsp.example", "https://ocsp.example", false),
            ("http://ocsp.example:443", "https://ocsp.example", false),
            ("http://ocsp.example/ocsp", "http://ocsp.example/ocsp", true),
            ("http://ocsp.example/ocsp", "http://ocsp.example/ocsp/", true),
            ("http://ocsp.example/ocsp", "http://ocsp.example/ocsp/ca-1", true),
            ("http://ocsp.example/ocsp", "http://ocsp.example/ocsp2", false),
            ("http://ocsp.example/ocsp", "http://ocsp.example/", false),
            ("http://ocsp.example/ocsp", "http://ocsp.example/OCSP", false),
            ("http://ocsp.example/ocsp/", "http://ocsp.example/ocsp/ca-1", true),
            ("http://ocsp.example/ocsp/", "http://ocsp.example/ocsp", false),
        ] {
            let (entry, url): (OcspAllow, ResponderUrl) = (entry.parse().unwrap(), url.parse().unwrap());
            assert_eq!(entry.allows(&url), allowed, "{entry:?} {url}");
        }
        // Not even a URL: there is somebody before the host.
        assert!("http://ocsp.example@evil".parse::<ResponderUrl>().is_err());
    }
}
