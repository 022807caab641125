//! [`Audit`]: the port to where decisions are written down.

use std::net::{IpAddr, SocketAddr};

use authenticator::decide::Decision;
use authenticator::evidence::Evidence;
use authenticator::record::{DecisionId, Record};

use crate::client::Client;

/// Where decisions are written down.
pub trait Audit {
    /// Writes `record`. Returns the id under which it is found.
    fn write(&self, record: &Record<'_>) -> Option<DecisionId>;

    /// A client came from `peer` and was decided about like this. Its record follows.
    fn decided(&self, peer: Option<SocketAddr>, evidence: &Evidence, decision: &Decision);
}

/// Nothing is written down.
pub(super) struct NoAudit;

impl Audit for NoAudit {
    fn write(&self, _: &Record<'_>) -> Option<DecisionId> {
        None
    }

    fn decided(&self, _: Option<SocketAddr>, _: &Evidence, _: &Decision) {}
}

/// Where `client` is. mosquitto tells its address, and no port: that is 0, which is none.
pub(super) fn peer_of(client: &dyn Client) -> Option<SocketAddr> {
    let address: IpAddr = client.address()?.parse().ok()?;
    Some(SocketAddr::new(address.to_canonical(), 0))
}

/// `record` with the address of the client, if that is known.
pub(super) fn from_peer(record: Record<'_>, peer: Option<SocketAddr>) -> Record<'_> {
    match peer {
        Some(peer) => record.peer(peer),
        None => record,
    }
}
