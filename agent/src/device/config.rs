//! The waits of an agent, which a firmware may choose.

use core::time::Duration;

use crate::session::Timing;

/// The waits of an agent. The default is right for a device on the mains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a connection may be silent before the agent asks whether it still is one. A broker may shorten it.
    /// Counts as whole seconds, from one to 65,535.
    pub keep_alive: Duration,
    /// How long a ping may go unanswered, and a write take. Counts as a second at least.
    pub response_timeout: Duration,
    /// How long a broker that answers pings may leave every message and subscription unacknowledged. Counts as a second
    /// at least.
    pub acknowledgement_timeout: Duration,
    /// From the first DNS packet to the CONNACK. On a Cortex-M4 without assembler the handshake alone takes a second.
    pub connect_deadline: Duration,
    /// How long the broker keeps the commands for a device that is away, seconds. A broker may shorten it.
    pub session_expiry: u32,
    /// The waits between attempts.
    pub timing: Timing,
}

/// What waits that are shorter count as.
const MIN_WAIT: Duration = Duration::from_secs(1);

impl Config {
    /// The same, with every wait one that can be kept.
    pub(super) fn bounded(self) -> Self {
        Self {
            keep_alive: Duration::from_secs(self.keep_alive.as_secs().clamp(1, u16::MAX.into())),
            response_timeout: self.response_timeout.max(MIN_WAIT),
            acknowledgement_timeout: self.acknowledgement_timeout.max(MIN_WAIT),
            connect_deadline: self.connect_deadline.max(MIN_WAIT),
            ..self
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(60),
            response_timeout: Duration::from_secs(20),
            acknowledgement_timeout: Duration::from_secs(60),
            connect_deadline: Duration::from_secs(60),
            session_expiry: 24 * 60 * 60,
            timing: Timing::default(),
        }
    }
}
