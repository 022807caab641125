//! What waits for all clients together: no more bytes than the broker may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one session may hold whatever the others hold: a client that keeps up has little more in its queue, and is not
/// to suffer for those that do not.
const FLOOR: usize = 4 * 1024;

/// The memory that messages wait in.
#[derive(Debug)]
pub(super) struct Memory {
    used: AtomicUsize,
    limit: usize,
}

/// One session's part of it.
#[derive(Debug)]
pub(super) struct Allowance {
    memory: Arc<Memory>,
    held: Arc<AtomicUsize>,
}

/// What one message takes, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<Memory>,
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), limit })
    }

    /// A part for a new session.
    pub(super) fn allowance(self: &Arc<Self>) -> Allowance {
        Allowance { memory: Arc::clone(self), held: Arc::default() }
    }

    /// How many bytes are taken.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Allowance {
    /// Room for a message of so many bytes, if there is any.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.memory.limit);
        if self.memory.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            if self.held.load(Ordering::Relaxed).saturating_add(bytes) > FLOOR {
                return None;
            }
            self.memory.used.fetch_add(bytes, Ordering::Relaxed);
        }
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Some(Share { memory: Arc::clone(&self.memory), held: Arc::clone(&self.held), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sessions_together_hold_no_more_than_the_limit_and_the_floor_of_each() {
        let memory = Memory::new(100_000);
        let (hoarder, other) = (memory.allowance(), memory.allowance());
        let mut hoard: Vec<_> = std::iter::from_fn(|| hoarder.take(10_000)).collect();
        assert_eq!((hoard.len(), memory.used()), (10, 100_000));
        let little = other.take(FLOOR);
        assert!(little.is_some() && other.take(1).is_none() && hoarder.take(1).is_none());
        drop(little);
        drop(hoard.pop());
        assert!(other.take(10_000).is_some());
        drop(hoard);
        assert_eq!(memory.used(), 0);
    }
}
