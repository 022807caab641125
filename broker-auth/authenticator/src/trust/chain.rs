//! The path from a client's certificate to an anchor, proven.

use std::sync::Arc;

use certificate_path::EndEntityFault;
use rustls_pki_types::UnixTime;

use super::config::{Role, TrustConfig, TrustName};
use super::namespace::Namespace;
use crate::certificate::{AuthorityCertificate, Fingerprint, PeerCertificate, Serial};

/// A client certificate whose chain was proven under exactly one trust. Made by [`super::verify_chain`] alone; cheap to
/// clone.
///
/// It keeps what a live session is judged by again: who signed each certificate, which one, and until when.
#[derive(Clone, Debug)]
pub struct VerifiedChain(Arc<Proven>);

#[derive(Debug)]
struct Proven {
    leaf: PeerCertificate,
    trust: TrustName,
    namespace: Namespace,
    role: Role,
    issuer: AuthorityCertificate,
    links: Vec<Link>,
    /// CAs between the leaf and the anchor that count against its path length.
    cas_below_anchor: usize,
    claim_to_issue: Option<EndEntityFault>,
}

/// One certificate of a proven path, as far as it can still change: by the clock or by revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// The CA that signed it.
    pub(super) issuer: Fingerprint,
    pub(super) serial: Serial,
    pub(super) not_after: UnixTime,
    /// The URLs of the lists that it says it is on. `None`: it says nothing.
    pub(super) listed_at: Option<Arc<[String]>>,
}

impl VerifiedChain {
    /// A chain that counts as proven.
    #[cfg(any(test, feature = "for-test"))]
    pub(crate) fn for_test(
        leaf: PeerCertificate,
        trust: TrustName,
        namespace: Namespace,
        role: Role,
    ) -> Self {
        let issuer = AuthorityCertificate::for_test();
        let links = vec![Link {
            issuer: issuer.authority(),
            serial: *leaf.serial(),
            not_after: leaf.not_after(),
            listed_at: None,
        }];
        Self(Arc::new(Proven {
            leaf,
            trust,
            namespace,
            role,
            issuer,
            links,
            cas_below_anchor: 0,
            claim_to_issue: None,
        }))
    }

    /// `issuer` signed the leaf. `links` starts with the leaf; the issuer of the last one is the anchor.
    pub(super) fn new(
        leaf: PeerCertificate,
        trust: &TrustConfig,
        issuer: AuthorityCertificate,
        links: Vec<Link>,
        cas_below_anchor: usize,
        claim_to_issue: Option<EndEntityFault>,
    ) -> Self {
        Self(Arc::new(Proven {
            leaf,
            trust: trust.name.clone(),
            namespace: trust.namespace.clone(),
            role: trust.role,
            issuer,
            links,
            cas_below_anchor,
            claim_to_issue,
        }))
    }

    /// The client's certificate.
    pub fn leaf(&self) -> &PeerCertificate {
        &self.0.leaf
    }

    /// The CA that issued it: an anchor, or one below it.
    pub fn issuer(&self) -> &AuthorityCertificate {
        &self.0.issuer
    }

    /// The trust whose anchor it leads to.
    pub fn trust_name(&self) -> &TrustName {
        &self.0.trust
    }

    /// What names of that trust belong to.
    pub fn namespace(&self) -> &Namespace {
        &self.0.namespace
    }

    /// What certificates of that trust stand for.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// When the first certificate of the path ends: the session must not outlive it.
    pub fn not_after(&self) -> UnixTime {
        self.0.links.iter().map(|link| link.not_after).min().unwrap_or_else(|| self.0.leaf.not_after())
    }

    /// What the leaf has that is for CAs alone (RFC 5280 §4.2.1.3, §4.2.1.10), which its trust lets pass
    /// ([`super::LegacyLeaf::Warn`]).
    pub fn claim_to_issue(&self) -> Option<&EndEntityFault> {
        self.0.claim_to_issue.as_ref()
    }

    /// CAs between the leaf and the anchor that count against its path length: those that are not self-issued.
    pub(super) fn cas_below_anchor(&self) -> usize {
        self.0.cas_below_anchor
    }

    pub(super) fn links(&self) -> &[Link] {
        &self.0.links
    }
}
