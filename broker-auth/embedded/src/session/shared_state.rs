//! [`SharedState`]: what the states of all sessions share. All of it is in memory; nothing of it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use authenticator::identity::Identity;
use authenticator::record::Audit;
use rustls_pki_types::UnixTime;

use super::counters::Counters;
use super::memory::Memory;
use super::retained::{Full, Retained};
use super::shared::Groups;
use crate::engine::{Message, Origin};
use crate::limits::BrokerLimits;

/// What the states of all sessions share.
pub(crate) struct SharedState {
    pub(super) retained: Retained,
    /// What messages that wait for clients may take.
    pub(super) memory: Arc<Memory>,
    pub(super) groups: Arc<Groups>,
    pub(super) counters: Counters,
    pub(super) audit: Arc<dyn Audit>,
    clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    origins: AtomicU64,
}

impl SharedState {
    pub(crate) fn new(
        limits: BrokerLimits,
        clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
        audit: Arc<dyn Audit>,
    ) -> Self {
        let memory = Memory::new(limits.max_queued_bytes);
        Self {
            retained: Retained::new(limits.max_retained_messages, limits.max_retained_bytes),
            groups: Arc::new(Groups::new(Arc::clone(&memory))),
            memory,
            counters: Counters::default(),
            audit,
            clock,
            origins: AtomicU64::new(1),
        }
    }

    /// Counts a message that is not retained for want of room, and logs a sample.
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
                identity = owner.name(),
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

    /// A name for a new session that no other has had.
    pub(super) fn next_origin(&self) -> Origin {
        Origin(self.origins.fetch_add(1, Ordering::Relaxed))
    }

    /// How many bytes of messages wait for clients.
    #[cfg(any(test, feature = "for-test"))]
    pub(crate) fn queued_bytes(&self) -> usize {
        self.memory.used()
    }

    /// Whether there is no group.
    #[cfg(any(test, feature = "for-test"))]
    pub(crate) fn groups_are_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Counts a published message, and offers it to the groups that ask for it.
    pub(crate) fn published(&self, for_groups: Option<&Message>) {
        if let Some(message) = for_groups {
            self.counters.dropped_queue_full.add(self.groups.offer(message));
        }
        self.counters.published.one();
    }
}
