//! [`responder`]: who is asked about a certificate.

use crate::certificate::PeerCertificate;
use crate::trust::{OcspAllow, ResponderUrl};

/// How many responders a certificate may name; later ones are not looked at.
const MAX_NAMED: usize = 8;

/// The characters of a URL that are shown.
const MAX_SHOWN: usize = 100;

/// No responder that a certificate names may be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate names the OCSP responder {url:?}, which no entry of `ocsp-allow` allows")]
pub struct NotAllowed {
    /// The first that it names, cut off where it is long.
    pub url: String,
}

/// The responder to ask about `leaf`: the first in its authority information access that `allow` allows; if it names none,
/// the first entry.
///
/// # Errors
/// It names others.
pub fn responder(leaf: &PeerCertificate, allow: &[OcspAllow]) -> Result<ResponderUrl, NotAllowed> {
    let named = leaf.ocsp_responders();
    let Some(first) = named.first() else {
        return allow.first().map(|entry| entry.url().clone()).ok_or(NotAllowed { url: String::new() });
    };
    let urls = named.iter().take(MAX_NAMED).filter_map(|url| url.parse::<ResponderUrl>().ok());
    let mut allowed = urls.filter(|url| allow.iter().any(|entry| entry.allows(url)));
    allowed.next().ok_or_else(|| NotAllowed { url: first.chars().take(MAX_SHOWN).collect() })
}
