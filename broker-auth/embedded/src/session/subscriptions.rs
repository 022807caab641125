//! What one client has subscribed to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroU32;

use authenticator::policy::{TopicFilter, TopicName};
use mqtt::{QoS, SubscriptionOptions};

use super::outbox::Delivery;
use crate::engine::{Message, Origin};

/// One subscription.
#[derive(Clone, Debug)]
struct Subscription {
    options: SubscriptionOptions,
    /// The Subscription Identifier, if the client gave one (MQTT 5 §3.8.2.1.2).
    id: Option<NonZeroU32>,
    /// How many retained messages had been kept when it got its first ones: the same messages are on their way
    /// through the engine, too, and are not to arrive twice.
    retained_up_to: u64,
}

/// All subscriptions of one client.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(BTreeMap<TopicFilter<'static>, Subscription>);

impl Subscriptions {
    /// Adds one, or gives another its options and id. `true` if there was none with this filter.
    pub(super) fn insert(
        &mut self,
        filter: TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> bool {
        match self.0.entry(filter) {
            Entry::Occupied(mut present) => {
                (present.get_mut().options, present.get_mut().id) = (options, id);
                false
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Subscription { options, id, retained_up_to: 0 });
                true
            }
        }
    }

    /// Notes that the subscription to `filter` got the retained messages up to this one.
    pub(super) fn got_retained(&mut self, filter: &TopicFilter<'static>, up_to: u64) {
        if let Some(subscription) = self.0.get_mut(filter) {
            subscription.retained_up_to = up_to;
        }
    }

    /// Removes one. `false` if there was none.
    pub(super) fn remove(&mut self, filter: &TopicFilter<'static>) -> bool {
        self.0.remove(filter).is_some()
    }

    /// Removes those whose filters are not `allowed`, and returns the filters.
    pub(super) fn remove_unless(
        &mut self,
        allowed: impl Fn(&TopicFilter<'static>) -> bool,
    ) -> Vec<TopicFilter<'static>> {
        let gone: Vec<_> = self.0.keys().filter(|filter| !allowed(filter)).cloned().collect();
        for filter in &gone {
            self.0.remove(filter);
        }
        gone
    }

    pub(super) fn contains(&self, filter: &TopicFilter<'static>) -> bool {
        self.0.contains_key(filter)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How a message is to be delivered: once, at the highest QoS of the matching subscriptions, with the identifiers
    /// of them all (MQTT 5 §3.3.4). `None` if no subscription wants it.
    pub(super) fn delivery(&self, message: Message, own: Origin) -> Option<Delivery> {
        let name = TopicName::new(&message.topic).ok()?;
        let mut granted: Option<(QoS, bool)> = None;
        let mut subscription_ids = Vec::new();
        for (filter, subscription) in &self.0 {
            let options = subscription.options;
            let had_as_retained = message.kept > 0 && message.kept <= subscription.retained_up_to;
            let own_and_unwanted = options.no_local && message.origin == own;
            if !filter.matches(&name) || had_as_retained || own_and_unwanted {
                continue;
            }
            let (qos, retain) = granted.get_or_insert((QoS::AtMostOnce, false));
            *qos = (*qos).max(options.qos);
            *retain |= options.retain_as_published && message.retain;
            subscription_ids.extend(subscription.id);
        }
        let (qos, retain) = granted?;
        Some(Delivery { qos: qos.less_value(message.qos), retain, subscription_ids, group: None, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriptions(filters: &[(&str, u32)]) -> Subscriptions {
        let mut subscriptions = Subscriptions::default();
        for (text, id) in filters {
            let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
            let filter = TopicFilter::new(text).unwrap().into_owned();
            subscriptions.insert(filter, options, NonZeroU32::new(*id));
        }
        subscriptions
    }

    fn message(topic: &str) -> Message {
        Message { qos: QoS::ExactlyOnce, origin: Origin(1), ..Message::specimen(topic, "") }
    }

    #[test]
    fn one_copy_names_all_matching_subscriptions() {
        let subscriptions = subscriptions(&[("a", 1), ("a/#", 2), ("+", 3), ("b", 4)]);
        let mut ids = subscriptions.delivery(message("a"), Origin(2)).unwrap().subscription_ids;
        ids.sort();
        assert_eq!(ids, [1, 2, 3].map(|id| NonZeroU32::new(id).unwrap()));
        assert!(subscriptions.delivery(message("c/d"), Origin(2)).is_none());
    }
}
