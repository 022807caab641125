//! What mosquitto does not let a plugin do as the broker does, by hand. A difference that is gone fails the test.
//!
//! One that holds for all rows is not in the table: where the broker ends the handshake with an alert, mosquitto's is over
//! before the plugin is asked, so that the same reason is told by CONNACK: 0x87, in 3.1.1: 5. It has no code of its own for a
//! second factor, either.

use std::fmt;

use crate::column::Mode;
use crate::matrix::Certificate;
use crate::protocol::Protocol;
use crate::shown::Shown;

/// What becomes of a client instead.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instead {
    /// OpenSSL ends the handshake with this alert, where it asks for a certificate. The plugin is not asked.
    OpenSsl(&'static str),
    /// It is decided about as if it had shown its leaf alone.
    LeafAlone,
    /// Where the broker lets it in, it is refused: its name is random, and its client id would have to start with it.
    NoClientId,
}

/// A known difference.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) certificate: &'static str,
    /// `None`: in both.
    mode: Option<Mode>,
    pub(crate) instead: Instead,
    because: &'static str,
}

impl Difference {
    pub(crate) fn is_about(&self, certificate: Certificate, mode: Mode) -> bool {
        self.certificate == certificate.name && self.mode.is_none_or(|its| its == mode)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}, because {}", self.certificate, self.instead, self.because)
    }
}

/// What OpenSSL refuses, whatever the mode.
const fn by_openssl(certificate: &'static str, alert: &'static str, because: &'static str) -> Difference {
    Difference { certificate, mode: None, instead: Instead::OpenSsl(alert), because }
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    by_openssl(
        "none",
        "CertificateRequired",
        "require_certificate is true; the plugin is asked where it is not",
    ),
    by_openssl("expired", "CertificateExpired", "OpenSSL looks at the validity"),
    by_openssl("not yet valid", "BadCertificate", "OpenSSL looks at the validity, and has no alert for it"),
    by_openssl("signed by another key", "DecryptError", "OpenSSL verifies the signature"),
    by_openssl("for servers", "UnsupportedCertificate", "OpenSSL looks at the extended key usage"),
    by_openssl("cannot be read", "UnknownCA", "OpenSSL reads the extensions that it knows"),
    by_openssl("expired, and another's key", "CertificateExpired", "OpenSSL looks at the validity first"),
    Difference {
        certificate: "none",
        mode: Some(Mode::Permissive),
        instead: Instead::NoClientId,
        because: "a client id cannot be changed, and nobody knows which random one to ask for",
    },
    Difference {
        certificate: "nine CAs too many",
        mode: None,
        instead: Instead::LeafAlone,
        because: "mosquitto shows a plugin the leaf alone",
    },
];

/// Whether a client is one of those that do not come to mosquitto.
type IsMeant = fn(Shown, Protocol) -> bool;

/// Which clients do not come to mosquitto, and why.
pub(crate) const LEFT_OUT: &[(IsMeant, &str)] = &[(
    |_, protocol| protocol == Protocol::Https,
    "mosquitto answers no HTTP requests, and such a listener is refused",
)];
