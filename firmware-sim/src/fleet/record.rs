//! What became of a device.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::voice::Outcome;

/// Latencies in microseconds, each as exact as 1 %, in memory that does not grow.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u32>);

impl Latencies {
    /// None yet. The longest that is told from longer ones is an hour.
    pub(super) fn new() -> Option<Self> {
        Histogram::new_with_bounds(1, 3_600_000_000, 2).ok().map(Self)
    }

    /// One more.
    pub(super) fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Those of `other` too.
    pub(super) fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The smallest latency that `share` (0 to 1) of all do not exceed, in milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }
}

/// What became of one device.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// Where it stood when it was asked to leave, or left.
    pub(super) outcome: Outcome,
    /// How many sessions it has had.
    pub(super) sessions: u64,
    /// How many attempts to have one.
    pub(super) attempts: u64,
    pub(super) tally: Tally,
}

/// What a device has said and done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Messages put into its queue, results of commands included.
    pub(super) published: u64,
    /// Those the broker has acknowledged.
    pub(super) acknowledged: u64,
    /// Those the broker did not want.
    pub(super) rejected: u64,
    /// Those for which there was no room in its memory.
    pub(super) no_room: u64,
    /// Commands obeyed.
    pub(super) obeyed: u64,
}

impl Tally {
    /// What neither got through nor was refused.
    pub(super) const fn left(&self) -> u64 {
        self.published.saturating_sub(self.acknowledged).saturating_sub(self.rejected)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.published += other.published;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        self.no_room += other.no_room;
        self.obeyed += other.obeyed;
    }
}

/// What became of the devices of one thread.
pub(super) struct Records {
    pub(super) devices: Vec<Record>,
    /// From the beginning of an attempt to its CONNACK.
    pub(super) connect: Latencies,
    /// From a message's birth to its acknowledgement.
    pub(super) acknowledge: Latencies,
}
