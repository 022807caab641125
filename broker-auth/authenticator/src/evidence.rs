//! What is known of a client when something is decided about it: values that others have gathered.

use std::net::SocketAddr;

use rustls_pki_types::UnixTime;

use crate::trust::ChainResult;

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
