//! [`Model`]: what one client is owed.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU16;

use authenticator::policy::{TopicFilter, TopicName};
use mqtt::{Publish, QoS};

/// A message that a client is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) number: u64,
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

/// A message that was sent to the client and is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unacknowledged {
    pub(super) id: NonZeroU16,
    pub(super) owed: Owed,
    /// PUBREC was sent; PUBREL is outstanding, or PUBCOMP.
    pub(super) received: bool,
    /// Whether it came over the present connection.
    pub(super) is_current: bool,
}

/// What one session owes its client.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// The client's own subscriptions, and the QoS of each.
    pub(super) subscriptions: BTreeMap<String, QoS>,
    /// What was published for it and not sent yet, in order.
    pub(super) owed: VecDeque<Owed>,
    pub(super) unacknowledged: Vec<Unacknowledged>,
    /// QoS 2 messages of the client that it has not released.
    pub(super) unreleased: Vec<NonZeroU16>,
}

impl Model {
    /// The QoS at which a message of `topic` is owed, if it is.
    pub(super) fn wants(&self, topic: &str, qos: QoS) -> Option<QoS> {
        let name = TopicName::new(topic).expect("a topic");
        let matching = self
            .subscriptions
            .iter()
            .filter(|(filter, _)| TopicFilter::new(filter).expect("a filter").matches(&name))
            .map(|(_, granted)| *granted);
        matching.max_by_key(|qos| u8::from(*qos)).map(|granted| granted.less_value(qos))
    }

    /// A new connection: everything unacknowledged comes again, before anything new.
    pub(super) fn reconnected(&mut self) {
        for unacknowledged in &mut self.unacknowledged {
            unacknowledged.is_current = false;
        }
    }

    /// Checks a PUBLISH to the client against what it is owed, and notes it.
    pub(super) fn receive(&mut self, publish: &Publish, window: usize) {
        let number: u64 =
            std::str::from_utf8(&publish.payload).ok().and_then(|text| text.parse().ok()).expect("a number");
        let is_repeated = |entry: &Unacknowledged| {
            !entry.is_current && !entry.received && Some(entry.id) == publish.packet_id
        };
        if let Some(index) = self.unacknowledged.iter().position(is_repeated) {
            let earlier_waits =
                self.unacknowledged[..index].iter().any(|entry| !entry.is_current && !entry.received);
            assert!(!earlier_waits, "messages are sent again in their order: {publish:?}, {self:?}");
            let entry = &mut self.unacknowledged[index];
            assert!(publish.dup, "a message that is sent again has DUP: {publish:?}");
            assert_eq!((number, publish.qos), (entry.owed.number, entry.owed.qos), "the same message again");
            entry.is_current = true;
            return;
        }
        assert!(
            self.unacknowledged.iter().all(|entry| entry.is_current || entry.received),
            "what is unacknowledged comes before anything new: {publish:?}, {self:?}"
        );
        assert!(!publish.dup, "a new message has no DUP: {publish:?}");
        let owed = self
            .owed
            .pop_front()
            .unwrap_or_else(|| panic!("a message that is not owed: {publish:?}, {self:?}"));
        assert_eq!(
            owed,
            Owed { number, qos: publish.qos, retain: publish.retain },
            "the next message: {self:?}"
        );
        if let Some(id) = publish.packet_id {
            assert!(
                self.unacknowledged.iter().all(|entry| entry.id != id),
                "a packet id in use: {publish:?}"
            );
            let current = self.unacknowledged.iter().filter(|entry| !entry.received).count();
            assert!(current < window, "no more than Receive Maximum: {publish:?}, {self:?}");
            self.unacknowledged.push(Unacknowledged { id, owed, received: false, is_current: true });
        }
    }
}
