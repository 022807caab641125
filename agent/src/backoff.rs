//! How long to wait before the next attempt: attempt number and randomness in, [`Duration`] out.
//!
//! Full jitter: the wait is uniform between nothing and a window that doubles with every attempt, so that ten
//! thousand devices that lost their broker in the same second do not come back in the same second.

use core::time::Duration;

/// Exponential backoff with full jitter. Holds no clock and no randomness: both are passed in.
///
/// ```
/// use core::time::Duration;
/// use countersign_agent::backoff::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
/// assert!(backoff.next_wait(0x8000_0000) <= Duration::from_secs(1));
/// assert!(backoff.next_wait(0x8000_0000) <= Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// The first window is `base`, no window is longer than `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, attempt: 0 }
    }

    /// The longest the next wait can be.
    pub fn window(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The wait before the next attempt; `random` is uniform over all of `u32`.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        let wait = spread(self.window(), random);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }

    /// Starts over with the shortest window, after a session that proved stable.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// A time uniform in `0..=window`, in whole milliseconds; `random` is uniform over all of `u32`.
///
/// A window above 49 days (`u32::MAX` milliseconds) counts as 49 days.
pub fn spread(window: Duration, random: u32) -> Duration {
    let window = u32::try_from(window.as_millis()).unwrap_or(u32::MAX);
    // Multiply and shift instead of a remainder: no bias towards short waits, no division on small cores.
    let millis = ((u64::from(window) + 1) * u64::from(random)) >> 32;
    Duration::from_millis(millis)
}
