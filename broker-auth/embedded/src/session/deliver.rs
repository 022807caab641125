//! What the engine brings, and what shared subscriptions do: matched, authorised, queued.

use std::pin::Pin;

use tokio::time::Instant;

use super::end::End;
use super::life::Session;
use super::online::receive;
use super::outbox::Delivery;
use crate::engine::{EngineError, Link, Received};
use authenticator::policy::TopicFilter;

/// Messages from the engine that are taken at once. The engine hands them over in lots, and has no patience.
const GATHER: usize = 64;

impl Session {
    /// Queues a message from the engine, and those that came with it.
    pub(super) async fn gather(&mut self, first: Result<Received, EngineError>) -> Result<(), End> {
        self.take(first).await?;
        for _ in 1..GATHER {
            let Some(more) = self.link.as_mut().and_then(Link::ready) else { break };
            self.take(more).await?;
        }
        Ok(())
    }

    /// Waits for something else, and takes what the engine brings meanwhile: publishers wait for a session that does not,
    /// and soon no longer. Boxed, because every session would have room for it all its life.
    pub(super) async fn meanwhile<T>(
        &mut self,
        mut something: Pin<Box<dyn Future<Output = T> + Send + '_>>,
    ) -> T {
        loop {
            tokio::select! {
                done = &mut something => return done,
                received = receive(&mut self.link) => match received {
                    Ok(received) => self.received(received),
                    // Nothing comes at the moment. Whoever serves the session next finds out why.
                    Err(_) => return something.await,
                }
            }
        }
    }

    async fn take(&mut self, received: Result<Received, EngineError>) -> Result<(), End> {
        match received {
            Ok(received) => {
                self.received(received);
                Ok(())
            }
            Err(EngineError::Lost) => self.resume().await,
            Err(error) => Err(End::engine(&error)),
        }
    }

    /// Goes on with another router.
    async fn resume(&mut self) -> Result<(), End> {
        let Some(link) = &mut self.link else { return Ok(()) };
        link.resume().await.map_err(|error| End::engine(&error))
    }

    /// Queues a message from the engine for the client.
    ///
    /// Every delivery is authorised by the permit of the moment: a subscription made under an older policy gives no
    /// more than a new one would.
    fn received(&mut self, Received { message, place, filter, lost }: Received) {
        if lost > 0 {
            self.subscriptions.lost(&filter);
            self.hub.counters.dropped_lagging.add(lost);
            self.overtaken += lost;
            if self.gaps.sample().is_some() {
                tracing::warn!(
                    client_id = self.client_id.as_str(),
                    identity = self.permit.identity().as_str(),
                    filter = self.subscriptions.example(&filter).map(TopicFilter::as_str),
                    lost = self.overtaken,
                    "messages were lost: the session was too far behind"
                );
            }
        }
        let Some(message) = message else { return };
        if !self.subscriptions.is_first(&filter, place, &message.topic) {
            return;
        }
        if !self.permit.deliver(&message.topic) {
            self.hub.counters.deliveries_denied.one();
            return;
        }
        if let Some(delivery) = self.subscriptions.delivery(message, self.origin) {
            self.enqueue(delivery);
        }
    }

    /// Queues the next message of a shared subscription, if the client can be sent another and there is one.
    pub(super) fn draw(&mut self, now: Instant) -> bool {
        if !self.outbox.has_room() {
            self.memberships.rest();
            return false;
        }
        while let Some(delivery) = self.memberships.take(now) {
            if self.permit.deliver(&delivery.message.topic) {
                self.enqueue(delivery);
                return true;
            }
            self.hub.counters.deliveries_denied.one();
        }
        false
    }

    /// Queues a delivery, if there is room for it.
    pub(super) fn enqueue(&mut self, delivery: Delivery) {
        let topic = delivery.message.topic.clone();
        if let Err(dropped) = self.outbox.push(delivery) {
            self.drop_for_want_of_room(&topic, dropped);
        }
    }

    /// Counts a message that is longer than the client accepts, and logs a sample
    pub(super) fn oversize(&mut self, topic: &str) {
        self.hub.counters.dropped_oversize.one();
        if let Some(dropped) = self.oversized.sample() {
            tracing::warn!(
                client_id = self.client_id.as_str(),
                identity = self.permit.identity().as_str(),
                topic,
                dropped,
                "messages are dropped: they are longer than the client accepts"
            );
        }
    }
}
