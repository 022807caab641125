//! The results of a device.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::reporter::Outcome;

/// A histogram of latencies in microseconds, with 1 % precision, in memory that does not grow.
#[derive(Clone, Debug)]
pub(super) struct Latencies(Histogram<u32>);

impl Latencies {
    /// An empty histogram. Latencies above an hour count as an hour.
    pub(super) fn new() -> Option<Self> {
        Histogram::new_with_bounds(1, 3_600_000_000, 2).ok().map(Self)
    }

    /// Adds a latency.
    pub(super) fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds all latencies of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// The number of latencies.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The smallest latency that `share` (0 to 1) of all do not exceed, in milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1e3
    }
}

/// The results of one device.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The state of the device when it stopped.
    pub(super) outcome: Outcome,
    /// How many sessions the device has had.
    pub(super) sessions: u64,
    /// How many times the device has tried to connect.
    pub(super) attempts: u64,
    pub(super) counts: Counts,
}

/// The messages and commands of a device, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Messages put into the queue, results of commands included.
    pub(super) published: u64,
    /// Messages that the broker has acknowledged.
    pub(super) acknowledged: u64,
    /// Messages that the broker has rejected.
    pub(super) rejected: u64,
    /// Messages for which the queue had no room.
    pub(super) no_room: u64,
    /// Commands handled.
    pub(super) commands_handled: u64,
}

impl Counts {
    /// Messages that were neither acknowledged nor rejected.
    pub(super) const fn unacknowledged(&self) -> u64 {
        self.published.saturating_sub(self.acknowledged).saturating_sub(self.rejected)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.published += other.published;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        self.no_room += other.no_room;
        self.commands_handled += other.commands_handled;
    }
}

/// The results of the devices of one thread.
pub(super) struct Records {
    pub(super) devices: Vec<Record>,
    /// From the beginning of an attempt to connect to its CONNACK.
    pub(super) connect: Latencies,
    /// From publishing a message to its acknowledgement.
    pub(super) acknowledge: Latencies,
}
