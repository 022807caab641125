//! What is on its way to one client: queued, sent and not yet acknowledged.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use tokio::time::Instant;

use super::memory::{Allowance, Share};
use super::queue_limits::{Dropped, QueueLimits};
use super::shared::Group;
use crate::engine::Message;
use mqtt::{Packet, Publish, PublishAck2, PublishProperties, QoS};

/// A message for this client, as its subscription wants it.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) message: Message,
    /// The lower of the message's and the subscription's.
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) subscription_ids: Vec<NonZeroU32>,
    /// The group it was taken from, if the subscription is a shared one.
    pub(crate) group: Option<Arc<Group>>,
}

/// A message, and its share of the memory that all queues have.
#[derive(Debug)]
struct Held {
    delivery: Delivery,
    share: Share,
}

/// A packet id for every message with an acknowledgement outstanding, in the order of sending.
#[derive(Debug)]
struct Inflight {
    id: NonZeroU16,
    stage: Stage,
    /// Whether it was sent over the present connection.
    sent: bool,
    /// Whether it was ever sent.
    sent_before: bool,
}

#[derive(Debug)]
enum Stage {
    /// PUBLISH was sent; PUBACK or PUBREC is outstanding.
    Published(Held),
    /// PUBREL was sent; PUBCOMP is outstanding.
    Released,
}

/// What is on its way to one client.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: VecDeque<Held>,
    queued_bytes: usize,
    limits: QueueLimits,
    allowance: Allowance,
    inflight: VecDeque<Inflight>,
    /// How many entries at the front of `inflight` are known to have been sent over the present connection.
    resent: usize,
    last_id: u16,
    /// How many may be in flight: the client's Receive Maximum, or our own limit.
    window: usize,
}

impl Outbox {
    pub(crate) fn new(limits: QueueLimits, allowance: Allowance) -> Self {
        Self {
            queue: VecDeque::new(),
            queued_bytes: 0,
            limits,
            allowance,
            inflight: VecDeque::new(),
            resent: 0,
            last_id: 0,
            window: 0,
        }
    }

    /// A new connection: everything unacknowledged is sent again first, in its old order (MQTT 5 §4.4).
    pub(crate) fn reconnected(&mut self, window: usize) {
        self.window = window;
        self.resent = 0;
        for inflight in &mut self.inflight {
            inflight.sent = false;
        }
    }

    /// Forgets every message whose topic is not `allowed`, sent or not; returns how many there were. What the client
    /// has confirmed to have received (PUBREC) is only to be completed, and stays.
    pub(crate) fn retain(&mut self, allowed: impl Fn(&str) -> bool) -> usize {
        let before = self.inflight.len();
        let dropped = self.retain_queued(&allowed);
        self.inflight.retain(|inflight| match &inflight.stage {
            Stage::Published(held) => allowed(&held.delivery.message.topic),
            Stage::Released => true,
        });
        self.resent = self.resent.min(self.inflight.len());
        dropped + before - self.inflight.len()
    }

    /// Forgets every message that has not been sent and whose topic is not `allowed`; returns how many there were.
    pub(crate) fn retain_queued(&mut self, allowed: impl Fn(&str) -> bool) -> usize {
        let before = self.queue.len();
        self.queue.retain(|held| allowed(&held.delivery.message.topic));
        self.queued_bytes = self.queue.iter().map(|held| held.delivery.message.weight()).sum();
        before - self.queue.len()
    }

    /// Queues a message, or says that there was no room for it.
    pub(crate) fn push(&mut self, delivery: Delivery) -> Result<(), Dropped> {
        let weight = delivery.message.weight();
        if self.queue.len() >= self.limits.messages || self.queued_bytes + weight > self.limits.bytes {
            return Err(Dropped::Queue);
        }
        let share = self.allowance.take(weight).ok_or(Dropped::Memory)?;
        self.queued_bytes += weight;
        self.queue.push_back(Held { delivery, share });
        Ok(())
    }

    /// Whether a message that is queued now is sent at once.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.is_empty() && self.inflight.len() < self.window
    }

    /// Gives back to their groups, in their old order, the messages that another member may get: what was not sent, and
    /// what was sent with QoS 1 and not acknowledged. What was sent with QoS 2 must not go to another [MQTT-4.8.2-5].
    pub(crate) fn give_back(&mut self) {
        let sent = self.inflight.drain(..).filter_map(|inflight| match inflight.stage {
            Stage::Published(held) if held.delivery.qos == QoS::AtLeastOnce => Some(held),
            Stage::Published(_) | Stage::Released => None,
        });
        let all: Vec<_> = sent.chain(self.queue.drain(..)).collect();
        (self.resent, self.queued_bytes) = (0, 0);
        for Held { delivery, share } in all.into_iter().rev() {
            if let Some(group) = delivery.group {
                group.give_back(delivery.message, share);
            }
        }
    }

    /// The next packet to send, as far as the client's window allows.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Packet> {
        while let Some(inflight) = self.inflight.get(self.resent) {
            // The window may be smaller than that of the connection it was first sent over.
            let takes_room = !inflight.sent && matches!(inflight.stage, Stage::Published(_));
            if takes_room && self.unanswered() >= self.window {
                return None;
            }
            let inflight = self.inflight.get_mut(self.resent)?;
            self.resent += 1;
            if !inflight.sent {
                inflight.sent = true;
                let again = std::mem::replace(&mut inflight.sent_before, true);
                return Some(match &inflight.stage {
                    Stage::Published(held) => publish(&held.delivery, Some(inflight.id), again, now),
                    Stage::Released => release(inflight.id),
                });
            }
        }
        loop {
            let front = self.queue.front()?;
            if front.delivery.qos != QoS::AtMostOnce && self.inflight.len() >= self.window {
                return None;
            }
            let held = self.queue.pop_front()?;
            let delivery = &held.delivery;
            self.queued_bytes -= delivery.message.weight();
            if delivery.message.remaining(now).is_err() {
                continue;
            }
            if delivery.qos == QoS::AtMostOnce {
                return Some(publish(delivery, None, false, now));
            }
            let Some(id) = self.free_id() else {
                // All 65,535 ids in flight cannot happen below a window of 65,535.
                self.queued_bytes += delivery.message.weight();
                self.queue.push_front(held);
                return None;
            };
            let packet = publish(delivery, Some(id), false, now);
            self.inflight.push_back(Inflight {
                id,
                stage: Stage::Published(held),
                sent: true,
                sent_before: true,
            });
            self.resent = self.inflight.len();
            return Some(packet);
        }
    }

    /// The message with this id was not sent after all, because it is longer than the client accepts. It counts as
    /// delivered (MQTT 5 §3.1.2.11.4).
    pub(crate) fn forget(&mut self, id: NonZeroU16) {
        self.remove(id);
    }

    /// PUBACK: the message is the client's. `false` if there was none with this id.
    pub(crate) fn acknowledged(&mut self, id: NonZeroU16) -> bool {
        matches!(self.stage(id), Some(Stage::Published(held)) if held.delivery.qos == QoS::AtLeastOnce)
            && self.remove(id)
    }

    /// PUBREC: returns the PUBREL to send. `None` if there was no message with this id.
    pub(crate) fn received(&mut self, id: NonZeroU16) -> Option<Packet> {
        let inflight = self.inflight.iter_mut().find(|inflight| inflight.id == id)?;
        if matches!(&inflight.stage, Stage::Published(held) if held.delivery.qos != QoS::ExactlyOnce) {
            return None;
        }
        inflight.stage = Stage::Released;
        Some(release(id))
    }

    /// PUBREC with a reason code of failure: the client does not want the message.
    pub(crate) fn rejected(&mut self, id: NonZeroU16) {
        self.remove(id);
    }

    /// PUBCOMP. `false` if nothing with this id was released.
    pub(crate) fn completed(&mut self, id: NonZeroU16) -> bool {
        matches!(self.stage(id), Some(Stage::Released)) && self.remove(id)
    }

    /// How many messages wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits, for the client or for its acknowledgement.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.inflight.is_empty()
    }

    /// How many messages wait to be sent and have not expired.
    pub(crate) fn waiting(&self, now: Instant) -> usize {
        self.queue.iter().filter(|held| held.delivery.message.remaining(now).is_ok()).count()
    }

    /// How many messages were sent, and the client has not confirmed to have received them.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.inflight.iter().filter(|inflight| matches!(inflight.stage, Stage::Published(_))).count()
    }

    /// How many messages wait for an acknowledgement.
    pub(crate) fn in_flight(&self) -> usize {
        self.inflight.len()
    }

    /// How many messages were sent over the present connection and not answered at all.
    fn unanswered(&self) -> usize {
        let sent = self.inflight.iter().filter(|inflight| inflight.sent);
        sent.filter(|inflight| matches!(inflight.stage, Stage::Published(_))).count()
    }

    fn stage(&self, id: NonZeroU16) -> Option<&Stage> {
        self.inflight.iter().find(|inflight| inflight.id == id).map(|inflight| &inflight.stage)
    }

    fn remove(&mut self, id: NonZeroU16) -> bool {
        let Some(index) = self.inflight.iter().position(|inflight| inflight.id == id) else { return false };
        self.inflight.remove(index);
        if index < self.resent {
            self.resent -= 1;
        }
        true
    }

    fn free_id(&mut self) -> Option<NonZeroU16> {
        for _ in 0..u16::MAX {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            let id = NonZeroU16::new(self.last_id)?;
            if self.stage(id).is_none() {
                return Some(id);
            }
        }
        None
    }
}

fn publish(delivery: &Delivery, packet_id: Option<NonZeroU16>, dup: bool, now: Instant) -> Packet {
    let message = &delivery.message;
    let mut properties = message.properties.as_deref().cloned().unwrap_or_else(PublishProperties::default);
    properties.subscription_ids.clone_from(&delivery.subscription_ids);
    // What is left of its life goes along, so that the client can drop it too (MQTT 5 §3.3.2.3.3).
    properties.message_expiry_interval = match message.remaining(now) {
        Ok(remaining) => {
            remaining.and_then(|left| NonZeroU32::new(u32::try_from(left.as_secs()).unwrap_or(u32::MAX)))
        }
        // It was sent once already, and must be completed even so.
        Err(_) => NonZeroU32::new(1),
    };
    Packet::Publish(Box::new(Publish {
        dup,
        retain: delivery.retain,
        qos: delivery.qos,
        topic: message.topic.clone(),
        packet_id,
        payload: message.payload.clone(),
        properties: Some(properties),
    }))
}

fn release(packet_id: NonZeroU16) -> Packet {
    Packet::PublishRelease(PublishAck2 { packet_id, ..PublishAck2::default() })
}

#[cfg(test)]
mod tests;
