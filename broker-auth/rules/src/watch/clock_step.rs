//! [`ClockComparison`]: finds out when the clock of the machine is set.

use std::time::Instant;

use rustls_pki_types::UnixTime;

/// By how much the clock may differ from the time that has passed, in seconds, before it counts as having been set.
const CLOCK_STEP: u64 = 3;

/// Compares the clock that people set with one that nobody sets.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockComparison {
    told: UnixTime,
    at: Instant,
}

impl ClockComparison {
    pub(super) fn since(now: UnixTime) -> Self {
        Self { told: now, at: Instant::now() }
    }

    /// By how many seconds the clock was set since it was last asked, if it was.
    pub(super) fn step(&mut self, now: UnixTime) -> Option<i128> {
        let passed = self.at.elapsed().as_secs();
        let step = i128::from(now.as_secs()) - i128::from(self.told.as_secs().saturating_add(passed));
        *self = Self::since(now);
        (step.unsigned_abs() > u128::from(CLOCK_STEP)).then_some(step)
    }
}
