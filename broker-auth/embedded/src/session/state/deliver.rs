//! What the engine and the groups bring: matched, authorised, queued, and sent as far as the client takes it.

use mqtt::Packet;
use tokio::time::Instant;

use super::SessionState;
use crate::engine::Received;
use crate::session::drops::Owner;
use crate::session::outbox::Delivery;
use crate::session::shared::Member;

/// Whether a member of groups may draw another message in this turn.
#[derive(Debug, Default)]
pub(crate) struct DrawTurn {
    drawn: bool,
}

impl SessionState {
    /// Queues a message from the engine for the client.
    ///
    /// Every delivery is authorised by the permit of the moment: a subscription made under an older policy gives no
    /// more than a new one would.
    pub(crate) fn deliver(&mut self, received: Received) {
        if let Some(loss) = received.lost {
            let owner = Owner { client_id: &self.client_id, permit: &self.permit };
            self.drops.count_overtaken(&self.shared.counters, &loss, owner);
        }
        let Some(message) = received.message else { return };
        if !self.permit.deliver(&message.topic) {
            self.shared.counters.deliveries_denied.one();
            return;
        }
        if let Some(delivery) = self.subscriptions.delivery(message, self.origin) {
            self.enqueue(delivery);
        }
    }

    /// Queues a delivery, if there is room for it.
    pub(super) fn enqueue(&mut self, delivery: Delivery) {
        let topic = delivery.message.topic.clone();
        if let Err(dropped) = self.outbox.push(delivery) {
            let owner = Owner { client_id: &self.client_id, permit: &self.permit };
            self.drops.count_dropped(&self.shared.counters, &topic, dropped, owner);
        }
    }

    /// The next packet for the client, as far as its window allows. Of groups, one message a turn is drawn, so that the
    /// members take turns.
    pub(crate) fn next_packet(&mut self, turn: &mut DrawTurn, now: Instant) -> Option<Packet> {
        loop {
            if let Some(packet) = self.outbox.next(now) {
                return Some(packet);
            }
            if turn.drawn || !self.draw(now) {
                return None;
            }
            turn.drawn = true;
        }
    }

    /// The packet was not sent after all: it is longer than the client accepts.
    pub(crate) fn not_sent(&mut self, unsent: &Unsent, turn: &mut DrawTurn) {
        // The member's turn is not over: nothing has been sent.
        turn.drawn = false;
        let topic = unsent.topic.as_deref().unwrap_or_default();
        let owner = Owner { client_id: &self.client_id, permit: &self.permit };
        self.drops.count_oversize(&self.shared.counters, topic, owner);
        if let Some(id) = unsent.packet_id {
            self.outbox.forget(id);
        }
    }

    /// Queues the next message of a shared subscription, if the client can be sent another and there is one.
    fn draw(&mut self, now: Instant) -> bool {
        if !self.outbox.has_room() {
            self.memberships.rest();
            return false;
        }
        while let Some(delivery) = self.memberships.take(now) {
            if self.permit.deliver(&delivery.message.topic) {
                self.enqueue(delivery);
                return true;
            }
            self.shared.counters.deliveries_denied.one();
        }
        false
    }

    /// Its connection takes nothing more at the moment: messages of groups are for other members.
    pub(crate) fn pause_drawing(&mut self) {
        self.memberships.rest();
    }

    /// What wakes this session when a group may have something for it.
    pub(crate) fn group_member(&self) -> Member {
        self.memberships.member()
    }
}

/// What is remembered of a packet while it is encoded.
#[derive(Debug)]
pub(crate) struct Unsent {
    topic: Option<mqtt::Text>,
    packet_id: Option<std::num::NonZeroU16>,
}

impl Unsent {
    pub(crate) fn of(packet: &Packet) -> Self {
        match packet {
            Packet::Publish(publish) => {
                Self { topic: Some(publish.topic.clone()), packet_id: publish.packet_id }
            }
            _ => Self { topic: None, packet_id: None },
        }
    }
}
