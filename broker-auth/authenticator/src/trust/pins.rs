//! [`Pins`]: the certificates that a trust is narrowed down to.

use std::collections::{BTreeMap, BTreeSet};

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

/// The certificates that a trust is narrowed down to: looked up, however many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    certificates: BTreeSet<Fingerprint>,
    keys: BTreeSet<Fingerprint>,
    /// A serial number may be that of several issuers.
    issued: BTreeMap<Serial, Vec<NameText>>,
}

impl Pins {
    /// Whether there are none: then the trust is not narrowed down.
    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.keys.is_empty() && self.issued.is_empty()
    }

    /// Whether that certificate is one of them.
    pub(super) fn contain(&self, leaf: &PeerCertificate) -> bool {
        let is_issuer = |issuers: &Vec<NameText>| issuers.iter().any(|issuer| issuer.is(leaf.issuer()));
        self.certificates.contains(&leaf.fingerprint_sha256())
            || (!self.keys.is_empty() && leaf.spki_sha256().is_some_and(|key| self.keys.contains(&key)))
            || self.issued.get(leaf.serial()).is_some_and(is_issuer)
    }
}

impl FromIterator<Pin> for Pins {
    fn from_iter<I: IntoIterator<Item = Pin>>(pins: I) -> Self {
        let mut all = Self::default();
        for pin in pins {
            match pin {
                Pin::Certificate(fingerprint) => {
                    all.certificates.insert(fingerprint);
                }
                Pin::Key(fingerprint) => {
                    all.keys.insert(fingerprint);
                }
                Pin::Issued { issuer, serial } => all.issued.entry(serial).or_default().push(issuer),
            }
        }
        all
    }
}
