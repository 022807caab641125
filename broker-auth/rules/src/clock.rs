//! The time, passed in.

use std::fmt;

use rustls_pki_types::UnixTime;

/// Tells the time that certificates and revocation lists are judged by.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> UnixTime;
}

/// The clock of the machine. Made once, in `main`'s reach; everything else is given a [`Clock`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::now()
    }
}

/// A clock that stands still: `explain --at`, and tests.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub UnixTime);

impl Clock for FixedClock {
    fn now(&self) -> UnixTime {
        self.0
    }
}

/// How many seconds there are until `time`; negative: it is past.
pub fn seconds_until(time: UnixTime, now: UnixTime) -> i64 {
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    seconds(time).saturating_sub(seconds(now))
}
