//! [`peer_text`]: where a client is.

use std::net::SocketAddr;

/// Where a client is: its address and port. A host that is not told the port (mosquitto) says 0, which is none, and is left
/// out.
pub fn peer_text(peer: SocketAddr) -> String {
    if peer.port() == 0 { peer.ip().to_string() } else { peer.to_string() }
}
