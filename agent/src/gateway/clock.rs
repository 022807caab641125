//! The gateway's clock, trusted only as far as the image's time floor.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The system clock, which has no time while it is behind the floor.
///
/// A gateway without a battery boots in 1970. By that clock every certificate would be not yet valid, or an expired one
/// still valid; without a time rustls refuses to verify, and the session tries again later.
#[derive(Debug)]
pub(super) struct FlooredClock {
    floor: u64,
}

impl FlooredClock {
    /// `floor` in Unix seconds, from the image.
    pub(super) fn new(floor: u64) -> Self {
        Self { floor }
    }
}

impl TimeProvider for FlooredClock {
    fn current_time(&self) -> Option<UnixTime> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        (now.as_secs() >= self.floor).then(|| UnixTime::since_unix_epoch(now))
    }
}
