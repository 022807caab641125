//! What one connection may take of time and memory.

use std::time::Duration;

/// What one connection may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// From the first byte of a packet to its last.
    pub packet_timeout: Duration,
    /// For one write to make progress.
    pub write_timeout: Duration,
    /// Bytes of one MQTT packet.
    pub max_packet_size: usize,
}

/// 256 KiB in 20 s are 13 KB/s: a GPRS link can do that, and a dribbling client cannot hold a buffer for long.
const PACKET_TIMEOUT: Duration = Duration::from_secs(20);
/// A client that takes nothing for this long is gone, or means harm.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Telemetry is small; firmware images belong elsewhere.
const MAX_PACKET_SIZE: usize = 256 * 1024;

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            packet_timeout: PACKET_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            max_packet_size: MAX_PACKET_SIZE,
        }
    }
}
