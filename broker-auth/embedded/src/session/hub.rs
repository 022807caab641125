//! [`Hub`]: what all sessions of a broker have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use authenticator::record::Audit;
use rustls_pki_types::UnixTime;
use tokio::sync::watch;

use super::counters::Counters;
use super::registry::Registry;
use super::retained::Retained;
use super::shared_state::SharedState;
use crate::engine::{Engine, EngineError, Message, PublishPermit};
use crate::limits::BrokerLimits;

/// What all sessions of a broker have in common.
pub struct Hub {
    /// Carries messages from one session to the others.
    pub engine: Engine,
    /// All sessions.
    pub registry: Registry,
    pub(super) shared: Arc<SharedState>,
    stopping: watch::Sender<bool>,
    serving: AtomicUsize,
}

impl Hub {
    /// A hub around `engine`, with room for `max_sessions`. `clock` tells the time that clients are told.
    pub fn new(
        engine: Engine,
        clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
        audit: Arc<dyn Audit>,
        max_sessions: usize,
        limits: BrokerLimits,
    ) -> Self {
        Self {
            engine,
            registry: Registry::new(max_sessions),
            shared: Arc::new(SharedState::new(limits, clock, audit)),
            stopping: watch::channel(false).0,
            serving: AtomicUsize::new(0),
        }
    }

    /// What happened to sessions and messages.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// The retained messages.
    pub fn retained(&self) -> &Retained {
        &self.shared.retained
    }

    /// How many bytes of messages wait for clients.
    pub fn queued_bytes(&self) -> usize {
        self.shared.memory.used()
    }

    /// Where decisions are written.
    pub fn audit(&self) -> &dyn Audit {
        &*self.shared.audit
    }

    /// Publishes a message of the broker itself, once the engine has room for it.
    ///
    /// # Errors
    /// It has none in time, or has stopped.
    pub async fn announce(&self, topic: &str, payload: Vec<u8>) -> Result<(), EngineError> {
        let message = Message::of_broker(topic, payload);
        let permit = self.engine.room(message.weight()).await?;
        self.publish(permit, message);
        Ok(())
    }

    /// Hands a message to every session that wants it, and to one member of each group that does.
    pub(super) fn publish(&self, permit: PublishPermit, message: Message) {
        // A client that joins a group that did not exist when this began asks for later messages.
        let for_groups = (!self.shared.groups.is_empty()).then(|| message.clone());
        permit.publish(message);
        self.shared.published(for_groups.as_ref());
    }

    /// Tells every session to disconnect its client.
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
