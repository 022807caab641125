//! The publish thread: messages in, batches of router packets out.

use std::sync::Arc;
use std::sync::mpsc as channel;

use bytes::Bytes;
use rumqttd::protocol::{Packet, Publish};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::pace::Pace;
use super::router::{Dead, Ends, RunningRouter};
use super::tail::Tail;
use crate::bus::BusTopic;
use crate::engine::Message;
use crate::engine::envelope::Envelopes;

/// Messages that wake the router once.
const MAX_BATCH_MESSAGES: usize = 256;

/// Bytes that wake the router once, but for a message that is longer. The router writes a batch into its logs before it
/// lets anyone read, and no log must be overtaken by that alone.
const MAX_BATCH_BYTES: usize = 64 * 1024;

/// A message on its way to the router, and the room it takes until it is there.
pub(super) struct Published {
    pub(super) message: Message,
    pub(super) _bytes: OwnedSemaphorePermit,
}

/// A way into a router.
pub(super) struct Entrance {
    pub(super) router: Arc<RunningRouter>,
    /// The receiving half is only held: the router takes a link without one for broken.
    pub(super) link: Ends,
}

/// What the publish thread works with.
pub(super) struct Publisher {
    pub(super) messages: mpsc::Receiver<Published>,
    /// A new entrance after each router that has died.
    pub(super) entrances: channel::Receiver<Entrance>,
    pub(super) envelopes: Envelopes,
    pub(super) pace: Arc<Pace>,
    pub(super) tail: Arc<Tail>,
}

impl Publisher {
    /// Runs until the engine's handles are gone, or there is no new router any more.
    pub(super) fn run(mut self) {
        let Ok(mut entrance) = self.entrances.recv() else { return };
        let mut waiting = Vec::with_capacity(MAX_BATCH_MESSAGES);
        let mut place = 0;
        while self.messages.blocking_recv_many(&mut waiting, MAX_BATCH_MESSAGES) > 0 {
            let mut messages = waiting.drain(..).peekable();
            while messages.peek().is_some() {
                let mut published = self.pace.publishing();
                let mut batch = Vec::new();
                // Their room is free again when the router has them.
                let mut rooms = Vec::new();
                let mut bytes = 0;
                let mut tail = self.tail.lock();
                while let Some(Published { message, _bytes: room }) =
                    messages.next_if(|_| bytes < MAX_BATCH_BYTES)
                {
                    rooms.push(room);
                    let (topic, size) = (BusTopic::of(&message.topic), message.weight());
                    bytes += size;
                    let marks = published.add(topic, size);
                    place += 1;
                    let envelope = self.envelopes.seal(message, marks, place);
                    tail.add(topic, marks, size, envelope.clone());
                    batch.push((topic, envelope));
                }
                drop(tail);
                // What a dying router has not taken the next one gets; who has it from the tail by then knows that.
                while entrance.hand_over(&batch).is_err() {
                    let Ok(next) = self.entrances.recv() else { return };
                    entrance = next;
                }
                drop(rooms);
                published.wait(&|| entrance.router.lives());
            }
        }
    }
}

impl Entrance {
    /// Hands a batch over, ahead of no subscription that has been confirmed to its client.
    ///
    /// If the router dies it may have taken some of them. They are in the tail.
    fn hand_over(&mut self, batch: &[(BusTopic, Bytes)]) -> Result<(), Dead> {
        let (link, _receive) = &mut self.link;
        let packet = |(topic, envelope): &(BusTopic, Bytes)| {
            Packet::Publish(Publish::new(topic.to_string().into(), envelope.clone(), false), None)
        };
        self.router.hand_over(link, batch.iter().map(packet).collect())
    }
}
