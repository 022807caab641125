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
    /// Handshakes that failed or were refused.
    handshakes_refused,
    /// Connections that were silent for too long before CONNECT.
    connect_timeouts,
    /// CONNECTs accepted.
    connects,
    /// CONNECTs refused.
    connects_refused,
    /// Sessions closed because their certificate is no longer good.
    sessions_cut,
    /// Messages accepted from clients.
    published,
    /// Publishes refused.
    publishes_denied,
    /// Subscriptions refused.
    subscriptions_denied,
    /// Deliveries that the permit no longer allowed.
    deliveries_denied,
    /// Messages lost because a client's queue was full.
    dropped_queue_full,
    /// Messages lost because a session was too far behind the engine.
    dropped_lagging,
    /// Messages too long for the client they were for.
    dropped_oversize,
    /// Retained messages not kept because the store was full.
    retained_refused,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
