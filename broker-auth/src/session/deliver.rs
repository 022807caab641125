//! What the engine brings: matched, authorised, queued.

use super::end::End;
use super::life::Session;
use crate::engine::{EngineError, Link, Received};

/// Messages from the engine that are taken at once. The engine hands them over in lots, and has no patience.
const GATHER: usize = 64;

impl Session {
    /// Queues a message from the engine, and those that came with it.
    pub(super) fn gather(&mut self, first: Result<Received, EngineError>) -> Result<(), End> {
        self.received(first)?;
        for _ in 1..GATHER {
            let Some(more) = self.link.as_mut().and_then(Link::ready) else { break };
            self.received(more)?;
        }
        Ok(())
    }

    /// Queues a message from the engine for the client.
    ///
    /// Every delivery is authorised by the permit of the moment: a subscription made under an older policy gives no
    /// more than a new one would.
    pub(super) fn received(&mut self, received: Result<Received, EngineError>) -> Result<(), End> {
        let Received { message, filter, lost } = received.map_err(|_| End::EngineStopped)?;
        if lost > 0 {
            self.hub.counters.dropped_lagging.add(lost);
            tracing::warn!(
                client_id = self.client_id.as_str(),
                identity = self.permit.identity().as_str(),
                lost,
                "messages were lost: the session was too far behind"
            );
        }
        let Some(message) = message else { return Ok(()) };
        if !self.permit.deliver(&message.topic) {
            self.hub.counters.deliveries_denied.one();
            return Ok(());
        }
        if let Some(delivery) = self.subscriptions.delivery(&filter, message, self.origin) {
            self.enqueue(delivery);
        }
        Ok(())
    }

    /// Queues a delivery; one that finds no room is counted, and logged the first, second, fourth … time.
    pub(super) fn enqueue(&mut self, delivery: super::outbox::Delivery) {
        let topic = delivery.message.topic.clone();
        if self.outbox.push(delivery).is_err() {
            self.hub.counters.dropped_queue_full.one();
            self.dropped += 1;
            if self.dropped.is_power_of_two() {
                tracing::warn!(
                    client_id = self.client_id.as_str(),
                    identity = self.permit.identity().as_str(),
                    topic = &*topic,
                    dropped = self.dropped,
                    "messages are dropped: the client's queue is full"
                );
            }
        }
    }
}
