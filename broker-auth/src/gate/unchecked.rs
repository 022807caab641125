//! Clients that are let in though it is not known whether they are revoked.

use std::net::SocketAddr;

use authenticator::decide::{Decision, OcspStanding, Step};

use crate::counters::Counters;

/// Logs that `ocsp = "prefer"` lets a client in of whom neither a responder nor a revocation list has said anything.
pub(crate) fn note_unchecked(counters: &Counters, peer: SocketAddr, decision: &Decision) {
    for step in &decision.trace {
        if let Step::Ocsp(OcspStanding::Unchecked { why }) = step
            && let Some(count) = counters.ocsp_unchecked.sample()
        {
            tracing::error!(
                %peer, why, count,
                "whether a client is revoked is not known, and ocsp = \"prefer\" lets it in"
            );
        }
    }
}
