//! What is known of a client when something is decided about it: values that others have gathered.

use std::net::SocketAddr;

use rustls_pki_types::UnixTime;

use crate::certificate::PeerCertificate;
use crate::reason::{Reason, Refusal};
use crate::trust::VerifiedChain;

/// What is known of a client.
///
/// Everything that takes time or I/O to find out is found out before, and stands here as a value. What is not known is
/// absent; nothing that is absent counts as proven. OCSP answers, registry states and second factors will be fields of
/// their own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// What became of the certificates that the client presented.
    pub chain: ChainResult,
    /// The time to judge by.
    pub time: UnixTime,
    /// Where the client is, if it is connected.
    pub peer: Option<SocketAddr>,
    /// The address of the listener that it came to, if it did.
    pub listener: Option<SocketAddr>,
}

impl Evidence {
    /// A chain, judged at `time`.
    pub fn new(chain: ChainResult, time: UnixTime) -> Self {
        Self { chain, time, peer: None, listener: None }
    }

    /// A client at `peer`.
    #[must_use]
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// A client that came to the listener at `listener`.
    #[must_use]
    pub fn listener(mut self, listener: SocketAddr) -> Self {
        self.listener = Some(listener);
        self
    }
}

/// What became of the certificates that a client presented. Made by [`crate::trust::verify_chain`].
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
    fault: Refusal,
}

impl UnprovenChain {
    /// `leaf` could be read, and `fault` is why it is not proven.
    pub(crate) fn new(leaf: PeerCertificate, fault: Refusal) -> Self {
        Self { leaf: Some(Box::new(leaf)), fault }
    }

    /// Not even the client's own certificate could be read.
    pub(crate) fn unreadable(fault: Refusal) -> Self {
        Self { leaf: None, fault }
    }

    /// The client's certificate, if it could be read. Nothing in it is proven.
    pub fn leaf(&self) -> Option<&PeerCertificate> {
        self.leaf.as_deref()
    }

    /// Why it is not proven.
    pub fn fault(&self) -> &Refusal {
        &self.fault
    }
}

impl ChainResult {
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
