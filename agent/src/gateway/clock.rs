//! The gateway's clock, trusted only as far as the image's time floor.

use std::time::{SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// The system clock, silent while it is behind the floor.
///
/// A gateway without a battery wakes up in 1970. Certificates judged by that clock would all seem to lie in the
/// future, or an ended one to be alive; without a time rustls refuses to judge, and the session tries again later.
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
