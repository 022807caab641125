//! The user properties in which a Countersign broker tells a device something.

use core::time::Duration;

use device_identity::user_property::{RETRY_AFTER, TIME};

/// The hints of a CONNACK or DISCONNECT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// `countersign-time`: the broker's clock, Unix seconds.
    pub time: Option<u64>,
    /// `countersign-retry-after`: how long to stay away.
    pub retry_after: Option<Duration>,
}

impl Hints {
    /// Takes a user property. The first of a name counts; a value that is no number is ignored.
    pub(super) fn note(&mut self, name: &str, value: &str) {
        match name {
            TIME => self.time = self.time.or_else(|| value.parse().ok()),
            RETRY_AFTER => {
                self.retry_after = self.retry_after.or_else(|| value.parse().ok().map(Duration::from_secs));
            }
            _ => {}
        }
    }
}
