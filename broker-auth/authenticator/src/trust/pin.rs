//! [`Pin`]: a certificate that a trust is narrowed down to.

use crate::certificate::{Fingerprint, NameText, PeerCertificate, Serial};

/// One of the certificates that a trust lets in, of all that are proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// By the SHA-256 of the certificate.
    Certificate(Fingerprint),
    /// By the SHA-256 of its SubjectPublicKeyInfo: a renewed certificate for the same key counts, too.
    Key(Fingerprint),
    /// By what its issuer calls it.
    Issued {
        /// The name of the issuer.
        issuer: NameText,
        /// The serial number.
        serial: Serial,
    },
}

impl Pin {
    /// Whether it is that certificate.
    pub(super) fn is(&self, leaf: &PeerCertificate) -> bool {
        match self {
            Self::Certificate(fingerprint) => *fingerprint == leaf.fingerprint_sha256(),
            Self::Key(fingerprint) => leaf.spki_sha256() == Some(*fingerprint),
            Self::Issued { issuer, serial } => *serial == *leaf.serial() && issuer.is(leaf.issuer()),
        }
    }
}
