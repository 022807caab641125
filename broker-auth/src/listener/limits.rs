//! What clients may take of a listener before they have a session.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

/// Connections and handshakes of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// From accept to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the handshake to a whole CONNECT.
    pub connect_timeout: Duration,
    /// Connections of this listener at once, handshakes included.
    pub max_connections: usize,
    /// Connections from one IP address at once; of IPv6, from one /64, which is the least that anybody has.
    pub max_connections_per_address: usize,
    /// Connections at once from what one network has: an IPv4 /24, an IPv6 /48.
    pub max_connections_per_prefix: usize,
    /// Handshakes computed at once. Others wait for their turn; one that waits for its client has none.
    pub max_handshakes: usize,
    /// Handshakes begun per second, after as many at once. Others wait, and address prefixes take turns.
    pub max_handshakes_per_second: u32,
}

/// A Cortex-M4 needs up to two seconds for its half of a handshake; ten leave room for a slow link.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// CONNECT follows the handshake at once; the same room for a slow link.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// 20,000 idle TLS connections need about 300 MB, which a small server has.
const MAX_CONNECTIONS: usize = 20_000;
/// A site's devices often share one address behind NAT, so this cuts floods, not fleets.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 2_000;
/// A network has several such addresses, and one network must not have all places. Never less than one address may have.
const MAX_CONNECTIONS_PER_PREFIX: usize = 4_000;
/// What one core computes in a second, or little less. A fleet of 5,000 is back within three.
const MAX_HANDSHAKES_PER_SECOND: u32 = 2_000;

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            handshake_timeout: HANDSHAKE_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            max_connections: MAX_CONNECTIONS,
            max_connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            max_connections_per_prefix: MAX_CONNECTIONS_PER_PREFIX,
            max_handshakes: available_parallelism().map_or(1, NonZeroUsize::get),
            max_handshakes_per_second: MAX_HANDSHAKES_PER_SECOND,
        }
    }
}
