//! What one client has subscribed to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::num::NonZeroU32;

use crate::engine::{BusFilter, Message, Origin};
use crate::packet::{QoS, SubscriptionOptions};
use crate::policy::{TopicFilter, TopicName};

use super::outbox::Delivery;

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

/// All subscriptions of one client, by bus filter: what the engine delivers for one, the others do not see.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_bus: BTreeMap<BusFilter, BTreeMap<TopicFilter<'static>, Subscription>>,
}

impl Subscriptions {
    /// Adds one, or gives another its options and id. `true` if there was none with this filter.
    pub(crate) fn insert(
        &mut self,
        filter: TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> bool {
        let filters = self.by_bus.entry(BusFilter::of(filter.as_str())).or_default();
        match filters.entry(filter) {
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
    pub(crate) fn got_retained(&mut self, filter: &TopicFilter<'static>, up_to: u64) {
        let filters = self.by_bus.get_mut(&BusFilter::of(filter.as_str()));
        if let Some(subscription) = filters.and_then(|filters| filters.get_mut(filter)) {
            subscription.retained_up_to = up_to;
        }
    }

    /// Removes one. `None` if there was none; else whether its bus filter is needed by no other.
    pub(crate) fn remove(&mut self, filter: &TopicFilter<'_>) -> Option<Option<BusFilter>> {
        let bus = BusFilter::of(filter.as_str());
        let filters = self.by_bus.get_mut(&bus)?;
        filters.remove(&filter.clone().into_owned())?;
        if filters.is_empty() {
            self.by_bus.remove(&bus);
            return Some(Some(bus));
        }
        Some(None)
    }

    pub(crate) fn contains(&self, filter: &TopicFilter<'_>) -> bool {
        let bus = BusFilter::of(filter.as_str());
        self.by_bus.get(&bus).is_some_and(|filters| filters.contains_key(&filter.clone().into_owned()))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_bus.values().map(BTreeMap::len).sum()
    }

    /// How a message that came through `bus` is to be delivered: once, at the highest QoS of the matching
    /// subscriptions, with the identifiers of them all (MQTT 5 §3.3.4). `None` if no subscription wants it.
    pub(crate) fn delivery(&self, bus: &BusFilter, message: Message, own: Origin) -> Option<Delivery> {
        let name = TopicName::new(&message.topic).ok()?;
        let mut granted: Option<(QoS, bool)> = None;
        let mut subscription_ids = Vec::new();
        for (filter, subscription) in self.by_bus.get(bus)? {
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
