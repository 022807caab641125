//! [`Demands`]: what is demanded of a server beyond what the site says.

use std::net::SocketAddr;

/// What is demanded of a server beyond what the site says. Most of it is for countersign-broker alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands {
    /// No handshake waits for another second: countersign-broker, which otherwise begins 2,000 in each, does nothing else
    /// than to make them.
    pub(crate) is_unpaced: bool,
    /// So many policies, or topics of the access list, before the one that matches.
    pub(crate) policies_before: usize,
    /// Devices that a policy before all others refuses.
    pub(crate) refused: Vec<String>,
    /// The only devices that are let in, by the SHA-256 of their certificates or of their keys, as a pin has it; empty: all.
    pub(crate) pins: Vec<String>,
    /// The URL of a responder that must call devices good.
    pub(crate) ocsp: Option<String>,
    /// The HTTP origin that it stands in front of; `None`: it is a broker.
    pub(crate) origin: Option<SocketAddr>,
}

impl Demands {
    /// The same with nobody paced.
    pub(crate) fn unpaced() -> Self {
        Self { is_unpaced: true, ..Self::default() }
    }
}
