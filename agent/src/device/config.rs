//! What may differ between firmwares.

use core::time::Duration;

use crate::session::Timing;

/// The waits of an agent. The default is right for a device on the mains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a connection may be silent before the agent asks whether it still is one. A broker may shorten it.
    /// Whole seconds, at least one.
    pub keep_alive: Duration,
    /// How long a question may go unanswered, and a write take.
    pub patience: Duration,
    /// From the first DNS packet to the CONNACK. On a Cortex-M4 without assembler the handshake alone takes a second.
    pub connect_deadline: Duration,
    /// How long the broker keeps the commands for a device that is away, seconds. A broker may shorten it.
    pub session_expiry: u32,
    /// The waits between attempts.
    pub timing: Timing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(60),
            patience: Duration::from_secs(20),
            connect_deadline: Duration::from_secs(60),
            session_expiry: 24 * 60 * 60,
            timing: Timing::default(),
        }
    }
}
