//! [`ChainResult`]: what became of the certificates that a client presented.

use std::sync::Arc;

use certificate_path::{PublicKey, refuse_too_much};
use rustls_pki_types::CertificateDer;

use super::chain::VerifiedChain;
use crate::certificate::PeerCertificate;
use crate::reason::{Reason, Refusal};

/// What became of the certificates that a client presented. Made by [`super::verify_chain`].
#[derive(Clone, Debug)]
pub enum ChainResult {
    /// It presented none.
    NotPresented,
    /// It presented some that prove nothing.
    Unproven(UnprovenChain),
    /// They lead to an anchor of exactly one trust.
    Proven(VerifiedChain),
}

/// A presented chain that proves nothing. No identity can be read out of it.
#[derive(Clone, Debug)]
pub struct UnprovenChain {
    leaf: Option<Box<PeerCertificate>>,
    /// All that was presented, the leaf first, to be judged again.
    presented: Arc<[CertificateDer<'static>]>,
    fault: Refusal,
    /// More was to be looked at than a stranger is worth.
    is_exceeded: bool,
}

impl UnprovenChain {
    /// `leaf` could be read, and `fault` is why it is not proven.
    pub(super) fn new(
        presented: &[CertificateDer<'_>],
        leaf: PeerCertificate,
        fault: Refusal,
        is_exceeded: bool,
    ) -> Self {
        // What is too much is not kept: no session rests on it.
        let is_bounded = refuse_too_much(leaf.der(), presented.get(1..).unwrap_or_default()).is_ok();
        let kept = presented.iter().filter(|_| is_bounded);
        let presented = kept.map(|der| CertificateDer::from(der.as_ref().to_vec())).collect();
        Self { leaf: Some(Box::new(leaf)), presented, fault, is_exceeded }
    }

    /// Not even the client's own certificate could be read.
    pub(crate) fn unreadable(fault: Refusal) -> Self {
        Self { leaf: None, presented: Arc::default(), fault, is_exceeded: false }
    }

    /// The client's certificate, if it could be read. Nothing in it is proven.
    pub fn leaf(&self) -> Option<&PeerCertificate> {
        self.leaf.as_deref()
    }

    /// All that was presented, the leaf first.
    pub(crate) fn presented(&self) -> &[CertificateDer<'static>] {
        &self.presented
    }

    /// Why it is not proven.
    pub fn fault(&self) -> &Refusal {
        &self.fault
    }

    /// Refuses what no handshake can go on with, whatever is made of unproven certificates: one that cannot be read, more
    /// than is looked at, and a key that no CertificateVerify can be checked by.
    ///
    /// # Errors
    /// Why it is not proven.
    pub(crate) fn refuse_uncheckable(&self) -> Result<(), Refusal> {
        let key = self.leaf().and_then(|leaf| PublicKey::of_certificate(leaf.der()));
        let can_be_checked = key.is_some_and(|key| key.is_supported());
        if self.fault.reason == Reason::Malformed || self.is_exceeded || !can_be_checked {
            return Err(self.fault.clone());
        }
        Ok(())
    }
}

impl ChainResult {
    /// The client's own certificate, if it presented one that can be read.
    pub fn leaf(&self) -> Option<&PeerCertificate> {
        match self {
            Self::NotPresented => None,
            Self::Unproven(unproven) => unproven.leaf(),
            Self::Proven(chain) => Some(chain.leaf()),
        }
    }

    /// The proven chain.
    ///
    /// # Errors
    /// Nothing was presented, or it proves nothing.
    pub fn proven(&self) -> Result<&VerifiedChain, Refusal> {
        match self {
            Self::Proven(chain) => Ok(chain),
            Self::Unproven(unproven) => Err(unproven.fault.clone()),
            Self::NotPresented => {
                Err(Refusal::new(Reason::NoCertificate, "the client presented no certificate"))
            }
        }
    }
}
