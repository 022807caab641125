//! [`Hub`]: what all sessions of a broker have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

use super::counters::Counters;
use super::memory::Memory;
use super::registry::Registry;
use super::retained::{Full, Retained};
use super::shared::Groups;
use crate::engine::{Engine, Message, Origin, Room};
use crate::limits::BrokerLimits;
use authenticator::identity::Identity;
use authenticator::record::Audit;
use rustls_pki_types::UnixTime;

/// What all sessions of a broker have in common.
pub struct Hub {
    pub engine: Engine,
    pub registry: Registry,
    pub retained: Retained,
    /// What messages that wait for clients may take.
    pub(super) memory: Arc<Memory>,
    pub(super) groups: Arc<Groups>,
    pub counters: Counters,
    pub(super) audit: Arc<dyn Audit>,
    clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    stopping: watch::Sender<bool>,
    origins: AtomicU64,
    serving: AtomicUsize,
}

impl Hub {
    pub fn new(
        engine: Engine,
        clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
        audit: Arc<dyn Audit>,
        max_sessions: usize,
        limits: BrokerLimits,
    ) -> Self {
        let memory = Memory::new(limits.max_queued_bytes);
        Self {
            engine,
            registry: Registry::new(max_sessions),
            retained: Retained::new(limits.max_retained_messages, limits.max_retained_bytes),
            groups: Arc::new(Groups::new(Arc::clone(&memory))),
            memory,
            counters: Counters::default(),
            clock,
            audit,
            stopping: watch::channel(false).0,
            origins: AtomicU64::new(1),
            serving: AtomicUsize::new(0),
        }
    }

    /// Counts a message that is not retained for want of room; a sample is logged.
    pub(super) fn not_retained(&self, full: Full, owner: &Identity, topic: &str) {
        let all = self.counters.retained_refused.sample();
        let (sampled, limit) = match full {
            Full::Store => (all, "max-retained-messages or max-retained-bytes"),
            Full::Share => (
                self.counters.retained_refused_by_identity.sample(),
                "max-retained-messages-per-identity or max-retained-bytes-per-identity",
            ),
        };
        if let Some(count) = sampled {
            tracing::warn!(
                identity = owner.as_str(),
                topic,
                limit,
                count,
                "messages are not retained: a limit is met"
            );
        }
    }

    /// The time that clients are told, and sessions are dated by.
    pub(super) fn unix_time(&self) -> UnixTime {
        (self.clock)()
    }

    /// How many bytes of messages wait for clients.
    pub fn queued_bytes(&self) -> usize {
        self.memory.used()
    }

    /// A name for a new session that no other has had.
    pub(super) fn next_origin(&self) -> Origin {
        Origin(self.origins.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands a message to everyone who wants it, and to one of each group that does.
    pub(super) fn publish(&self, room: Room, message: Message) {
        // Who joins a group that did not exist when this began asks for later messages.
        let shared = (!self.groups.is_empty()).then(|| message.clone());
        room.publish(message);
        if let Some(message) = shared {
            self.counters.dropped_queue_full.add(self.groups.offer(&message));
        }
        self.counters.published.one();
    }

    /// Tells every session to say good-bye to its client.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// A connection is served: what its client publishes is accepted until this is dropped.
    pub(super) fn serving(self: &Arc<Self>) -> Serving {
        self.serving.fetch_add(1, Ordering::SeqCst);
        Serving(Arc::clone(self))
    }

    /// Whether nothing is accepted from any client. When the broker stops it becomes so, and stays so.
    pub(super) fn is_quiet(&self) -> bool {
        self.serving.load(Ordering::SeqCst) == 0
    }

    /// Becomes true when the broker stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}

/// A connection that is served.
pub(super) struct Serving(Arc<Hub>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until the broker stops.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the hub is gone, and with it the broker.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
