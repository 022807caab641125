//! The path from a client's certificate to an anchor, proven.

use rustls_pki_types::UnixTime;

use super::config::{Role, TrustName};
use crate::certificate::{Fingerprint, PeerCertificate, Serial};

/// A client certificate whose chain was proven under exactly one trust. Made by [`super::TrustStore::verify`] alone.
///
/// It keeps what a live session is judged by again: who signed each certificate, which one, and until when.
#[derive(Clone, Debug)]
pub struct VerifiedChain {
    leaf: PeerCertificate,
    trust: TrustName,
    role: Role,
    links: Vec<Link>,
}

/// One certificate of a proven path, as far as it can still change: by the clock or by revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Who signed it.
    pub(super) issuer: Fingerprint,
    pub(super) serial: Serial,
    pub(super) not_after: UnixTime,
}

impl VerifiedChain {
    /// `links` starts with the leaf; the issuer of the last one is the anchor.
    pub(super) fn new(leaf: PeerCertificate, trust: TrustName, role: Role, links: Vec<Link>) -> Self {
        Self { leaf, trust, role, links }
    }

    /// The client's certificate.
    pub fn leaf(&self) -> &PeerCertificate {
        &self.leaf
    }

    /// The trust whose anchor it leads to.
    pub fn trust_name(&self) -> &TrustName {
        &self.trust
    }

    /// What certificates of that trust stand for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// When the first certificate of the path ends: the session must not outlive it.
    pub fn not_after(&self) -> UnixTime {
        self.links.iter().map(|link| link.not_after).min().unwrap_or_else(|| self.leaf.not_after())
    }

    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }
}
