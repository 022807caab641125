//! [`Health`]: whether there is a router, and how many have died.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How the engine is.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) over: AtomicBool,
    rebuilds: AtomicU64,
}

impl Health {
    pub(super) fn rebuilds(&self) -> u64 {
        self.rebuilds.load(Ordering::Relaxed)
    }

    pub(super) fn rebuilt(&self) {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_up(&self) {
        self.over.store(true, Ordering::Release);
    }
}
