//! The embedded engine: the router of rumqttd, fenced off. The only file that names that crate.
//!
//! The router runs on a thread of its own and has sharp edges: it panics when a link it has dropped is woken, leaks
//! a link that is not disconnected, and blocks the caller that builds one. So exactly two threads talk to it. The *control
//! thread* builds and drops links and subscribes; the *publish thread* publishes, in batches, through one link of
//! its own. A session holds a [`RouterLink`] that can only receive, and dropping it hands the receiving half back to the
//! control thread, so that nothing can be woken after it was disconnected.
//!
//! Should the router die all the same, the control thread builds another. Every session goes on with that one: it
//! subscribes again, takes what it had not read from the [tail] of messages that the publish thread keeps, and its
//! client notices nothing.

mod bounds;
mod control;
mod health;
mod link;
mod pace;
mod publish;
mod router;
mod tail;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use self::bounds::{ANSWER_TIMEOUT, MAX_REBUILDS, PUBLISH_QUEUE};
use self::control::{Bounds, Controller};
use self::health::Health;
use self::link::Exchange;
pub(crate) use self::link::{RouterDelivery, RouterLink};
use self::pace::Pace;
use self::publish::{Published, Publisher};
use self::tail::Tail;
use super::envelope::Envelopes;
use super::{EngineError, Message};

/// The running engine. Clones are handles to the same one.
#[derive(Clone)]
pub struct Engine {
    exchange: Exchange,
    publish: mpsc::Sender<Published>,
    /// Bytes that may still be on their way to the router.
    free: Arc<Semaphore>,
    max_publishing_bytes: u32,
    health: Arc<Health>,
}

/// Room for one message on its way to the router.
pub(crate) struct PublishPermit {
    place: mpsc::OwnedPermit<Published>,
    bytes: OwnedSemaphorePermit,
}

impl PublishPermit {
    /// Hands a message to every session that wants it.
    pub(crate) fn publish(self, message: Message) {
        self.place.send(Published { message, _bytes: self.bytes });
    }
}

impl Engine {
    /// Starts a router and the two threads that talk to it. `max_links` bounds sessions with subscriptions,
    /// `max_publishing_bytes` the messages on their way to the router.
    pub fn start(max_links: usize, max_publishing_bytes: usize) -> Result<Self, EngineError> {
        Self::start_for(max_links, max_publishing_bytes, MAX_REBUILDS)
    }

    fn start_for(
        max_links: usize,
        max_publishing_bytes: usize,
        max_rebuilds: usize,
    ) -> Result<Self, EngineError> {
        let runtime = tokio::runtime::Handle::current();
        let (control, requests) = std::sync::mpsc::channel();
        let (entrance, entrances) = std::sync::mpsc::channel();
        let (publish, messages) = mpsc::channel(PUBLISH_QUEUE);
        let exchange = Exchange {
            control,
            envelopes: Envelopes::new(Instant::now()),
            pace: Arc::new(Pace::default()),
            tail: Arc::new(Tail::default()),
        };
        let health = Arc::new(Health::default());
        let Exchange { envelopes, pace, tail, .. } = exchange.clone();
        let controller = Controller::start(
            requests,
            entrance,
            // Two more links, for the publish thread and the control thread.
            Bounds { links: max_links.saturating_add(2), rebuilds: max_rebuilds },
            Arc::clone(&health),
            Arc::clone(&pace),
            runtime,
        )?;
        let publisher = Publisher { messages, entrances, envelopes, pace, tail };
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(run).map_err(EngineError::Start)
        };
        start("engine-publish", Box::new(|| publisher.run()))?;
        start("engine-control", Box::new(|| controller.run()))?;
        let max_publishing_bytes = u32::try_from(max_publishing_bytes.min(Semaphore::MAX_PERMITS));
        let max_publishing_bytes = max_publishing_bytes.unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(max_publishing_bytes as usize));
        Ok(Self { exchange, publish, free, max_publishing_bytes, health })
    }

    /// Whether there is a router, or will be one in a moment.
    pub fn is_alive(&self) -> bool {
        !self.health.over.load(Ordering::Acquire)
    }

    /// How many routers have died and were replaced.
    pub fn rebuilds(&self) -> u64 {
        self.health.rebuilds()
    }

    /// Kills the router, as a bug in it would.
    #[cfg(any(test, feature = "for-test"))]
    pub fn kill_router(&self) {
        // A control thread that has ended has no router left.
        let _ = self.exchange.control.send(control::Control::Kill);
    }

    /// A link of the router for one session.
    pub(crate) async fn router_link(&self) -> Result<RouterLink, EngineError> {
        RouterLink::new(self.exchange.clone()).await
    }

    /// PublishPermit for a message that weighs so much, if there is any at once.
    pub(crate) fn room_now(&self, weight: usize) -> Option<PublishPermit> {
        let bytes = Arc::clone(&self.free).try_acquire_many_owned(self.bytes(weight)).ok()?;
        let place = self.publish.clone().try_reserve_owned().ok()?;
        Some(PublishPermit { place, bytes })
    }

    /// PublishPermit for a message that weighs so much. Waits while the engine is behind, but not for ever. Cancelling the future
    /// leaves everything as it was.
    pub(crate) async fn room(&self, weight: usize) -> Result<PublishPermit, EngineError> {
        let found = async {
            let bytes = Arc::clone(&self.free).acquire_many_owned(self.bytes(weight)).await.ok()?;
            let place = self.publish.clone().reserve_owned().await.ok()?;
            Some(PublishPermit { place, bytes })
        };
        match timeout(ANSWER_TIMEOUT, found).await {
            Ok(Some(room)) => Ok(room),
            Ok(None) => Err(EngineError::Stopped),
            Err(_) => Err(EngineError::Busy),
        }
    }

    /// What a message takes of the room there is. One that is longer than all of it goes alone.
    fn bytes(&self, weight: usize) -> u32 {
        u32::try_from(weight).unwrap_or(u32::MAX).min(self.max_publishing_bytes)
    }

    /// Whether every accepted message is in the router's hands, and so counted for each of its readers.
    pub(crate) fn is_empty(&self) -> bool {
        self.free.available_permits() == self.max_publishing_bytes as usize
    }

    /// Hands a message to every session that wants it.
    #[cfg(test)]
    pub(crate) async fn publish(&self, message: Message) -> Result<(), EngineError> {
        self.room(message.weight()).await.map(|room| room.publish(message))
    }
}

#[cfg(test)]
mod tests;
