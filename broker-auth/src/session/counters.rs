//! What happened, counted since the start; for `status`.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters since the start of the process.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $($(#[$doc])* pub(crate) $name: Count,)* }

        /// Their values at one moment.
        #[derive(Clone, Debug, Serialize)]
        pub(crate) struct Counted { $($(#[$doc])* pub(crate) $name: u64,)* }

        impl Counters {
            pub(crate) fn read(&self) -> Counted {
                Counted { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    connections,
    /// Connections turned away because a limit was met.
    connections_limited,
    /// Of those: their address had all its places.
    connections_limited_by_address,
    /// Of those: the network of their address had all its places.
    connections_limited_by_prefix,
    /// Handshakes that waited because too many began.
    handshakes_paced,
    /// Handshakes that waited because others were computed.
    handshakes_queued,
    /// Handshakes that failed or were refused.
    handshakes_refused,
    /// Of those: the client was too slow.
    handshake_timeouts,
    /// Of those: they waited to begin for too long.
    handshakes_limited,
    /// Connections that were silent for too long before CONNECT.
    connect_timeouts,
    /// CONNECTs accepted.
    connects,
    /// CONNECTs refused.
    connects_refused,
    /// Of those: there was no room for another session.
    sessions_limited,
    /// Of those: the identity had all its sessions.
    sessions_limited_by_identity,
    /// Of those: the will was too large, or its topic.
    wills_limited,
    /// Sessions closed because their certificate is no longer good.
    sessions_cut,
    /// Messages accepted from clients.
    published,
    /// Publishes refused.
    publishes_denied,
    /// Publishers that waited because too much was on its way into the engine.
    publishes_delayed,
    /// Packets longer than allowed.
    packets_limited,
    /// QoS 2 messages beyond those a client may have unreleased.
    inflight_limited,
    /// Topics and filters longer than allowed, or of more levels.
    topics_limited,
    /// Topic aliases beyond those a client may use.
    topic_aliases_limited,
    /// Subscriptions refused.
    subscriptions_denied,
    /// Subscriptions beyond those a client may have.
    subscriptions_limited,
    /// Deliveries that the permit no longer allowed.
    deliveries_denied,
    /// Messages lost because a client's queue was full.
    dropped_queue_full,
    /// Of those: the queues of all clients together were.
    dropped_memory_full,
    /// Messages lost because a session was too far behind the engine.
    dropped_lagging,
    /// Messages too long for the client they were for.
    dropped_oversize,
    /// Messages that clients had not taken, or not acknowledged, when the broker stopped.
    dropped_stopping,
    /// Retained messages not kept because the store, or the identity's share of it, was full.
    retained_refused,
    /// Of those: the identity's share.
    retained_refused_by_identity,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more; how many there are now.
    pub(crate) fn one(&self) -> u64 {
        self.add(1)
    }

    /// So many more; how many there are now.
    pub(crate) fn add(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed).wrapping_add(count)
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
