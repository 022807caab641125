//! [`Hub`]: what all sessions of a broker have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use super::counters::Counters;
use super::registry::Registry;
use super::retained::Retained;
use crate::engine::{Engine, Origin};
use crate::trust::Clock;

/// What all sessions of a broker have in common.
pub(crate) struct Hub {
    pub(crate) engine: Engine,
    pub(crate) registry: Registry,
    pub(crate) retained: Retained,
    pub(crate) counters: Counters,
    pub(crate) clock: Arc<dyn Clock>,
    stopping: watch::Sender<bool>,
    origins: AtomicU64,
}

impl Hub {
    pub(crate) fn new(engine: Engine, clock: Arc<dyn Clock>, max_sessions: usize) -> Self {
        Self {
            engine,
            registry: Registry::new(max_sessions),
            retained: Retained::default(),
            counters: Counters::default(),
            clock,
            stopping: watch::channel(false).0,
            origins: AtomicU64::new(1),
        }
    }

    /// A name for a new session that no other has had.
    pub(super) fn next_origin(&self) -> Origin {
        Origin(self.origins.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells every session to say good-bye to its client.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Becomes true when the broker stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// Waits until the broker stops.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the hub is gone, and with it the broker.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
