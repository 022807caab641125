//! What one client has subscribed to.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use crate::engine::{BusFilter, Message, Origin};
use authenticator::policy::{TopicFilter, TopicName};
use mqtt::{QoS, SubscriptionOptions};

use super::outbox::Delivery;

/// How many bus filters are remembered that are no longer needed.
const MAX_FORMER: usize = 16;

/// How many ranges between losses are remembered of a bus filter. Others are behind by less than one of them.
const MAX_RANGES: usize = 8;

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

/// All subscriptions of one client, by bus filter.
///
/// A message that several of the bus filters let through comes through each of them. It is delivered when it comes for
/// the first time, for the subscriptions of them all.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_bus: BTreeMap<BusFilter, Lane>,
    /// What bus filters have brought that nobody needs any more, the latest at the end: one that is behind may bring it
    /// again.
    former: VecDeque<(BusFilter, VecDeque<RangeInclusive<u64>>)>,
}

/// The subscriptions of one bus filter.
#[derive(Debug, Default)]
struct Lane {
    filters: BTreeMap<TopicFilter<'static>, Subscription>,
    /// The places of the first and the last message that came through it without a loss between them; the range that still
    /// grows is the last. It brings them in order, so in each it has brought all that it lets through.
    brought: VecDeque<RangeInclusive<u64>>,
    /// It has lost messages since.
    broken: bool,
}

impl Lane {
    fn brings(&mut self, place: u64) {
        match self.brought.back_mut() {
            Some(last) if !self.broken => *last = *last.start()..=place,
            _ => self.brought.push_back(place..=place),
        }
        self.broken = false;
        if self.brought.len() > MAX_RANGES {
            self.brought.pop_front();
        }
    }
}

impl Subscriptions {
    /// Adds one, or gives another its options and id. `true` if there was none with this filter.
    pub(crate) fn insert(
        &mut self,
        filter: TopicFilter<'static>,
        options: SubscriptionOptions,
        id: Option<NonZeroU32>,
    ) -> bool {
        let filters = &mut self.by_bus.entry(BusFilter::of(filter.as_str())).or_default().filters;
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
        let lane = self.by_bus.get_mut(&BusFilter::of(filter.as_str()));
        if let Some(subscription) = lane.and_then(|lane| lane.filters.get_mut(filter)) {
            subscription.retained_up_to = up_to;
        }
    }

    /// Removes one. `None` if there was none; else whether its bus filter is needed by no other.
    pub(crate) fn remove(&mut self, filter: &TopicFilter<'_>) -> Option<Option<BusFilter>> {
        let bus = BusFilter::of(filter.as_str());
        let filters = &mut self.by_bus.get_mut(&bus)?.filters;
        filters.remove(&filter.clone().into_owned())?;
        if !filters.is_empty() {
            return Some(None);
        }
        if let Some(lane) = self.by_bus.remove(&bus)
            && !lane.brought.is_empty()
        {
            self.former.push_back((bus, lane.brought));
            if self.former.len() > MAX_FORMER {
                self.former.pop_front();
            }
        }
        Some(Some(bus))
    }

    pub(crate) fn contains(&self, filter: &TopicFilter<'_>) -> bool {
        let bus = BusFilter::of(filter.as_str());
        self.by_bus.get(&bus).is_some_and(|lane| lane.filters.contains_key(&filter.clone().into_owned()))
    }

    pub(crate) fn len(&self) -> usize {
        self.by_bus.values().map(|lane| lane.filters.len()).sum()
    }

    /// Notes that `bus` has brought the message of this place. `false`: another has brought it already.
    pub(crate) fn is_first(&mut self, bus: &BusFilter, place: u64, topic: &str) -> bool {
        let through = BusFilter::letting_through(topic);
        let others = through.iter().filter(|other| *other != bus).filter_map(|other| self.by_bus.get(other));
        let former = self.former.iter().filter(|(former, _)| through.contains(former));
        let mut brought = others.map(|lane| &lane.brought).chain(former.map(|(_, brought)| brought));
        let is_first = !brought.any(|brought| brought.iter().any(|range| range.contains(&place)));
        if let Some(lane) = self.by_bus.get_mut(bus) {
            lane.brings(place);
        }
        is_first
    }

    /// One of the filters for which there is `bus`, to name it to an operator.
    pub(crate) fn example(&self, bus: &BusFilter) -> Option<&TopicFilter<'static>> {
        self.by_bus.get(bus).and_then(|lane| lane.filters.keys().next())
    }

    /// Notes that `bus` has lost messages. Another may bring them.
    pub(crate) fn lost(&mut self, bus: &BusFilter) {
        if let Some(lane) = self.by_bus.get_mut(bus) {
            lane.broken = true;
        }
    }

    /// How a message is to be delivered: once, at the highest QoS of the matching subscriptions, with the identifiers
    /// of them all (MQTT 5 §3.3.4). `None` if no subscription wants it.
    pub(crate) fn delivery(&self, message: Message, own: Origin) -> Option<Delivery> {
        let name = TopicName::new(&message.topic).ok()?;
        let mut granted: Option<(QoS, bool)> = None;
        let mut subscription_ids = Vec::new();
        let lanes = BusFilter::letting_through(&message.topic);
        let lanes = lanes.iter().filter_map(|bus| self.by_bus.get(bus));
        for (filter, subscription) in lanes.flat_map(|lane| &lane.filters) {
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
    use proptest::prelude::*;

    fn filter(text: &str) -> TopicFilter<'static> {
        TopicFilter::new(text).unwrap().into_owned()
    }

    fn subscriptions(filters: &[(&str, u32)]) -> Subscriptions {
        let mut subscriptions = Subscriptions::default();
        for (text, id) in filters {
            let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
            subscriptions.insert(filter(text), options, NonZeroU32::new(*id));
        }
        subscriptions
    }

    fn message(topic: &str) -> Message {
        Message { qos: QoS::ExactlyOnce, origin: Origin(1), ..Message::specimen(topic, "") }
    }

    #[test]
    fn one_copy_names_all_matching_subscriptions_whatever_brought_it() {
        let subscriptions = subscriptions(&[("a", 1), ("a/#", 2), ("+", 3), ("b", 4)]);
        let mut ids = subscriptions.delivery(message("a"), Origin(2)).unwrap().subscription_ids;
        ids.sort();
        assert_eq!(ids, [1, 2, 3].map(|id| NonZeroU32::new(id).unwrap()));
        assert!(subscriptions.delivery(message("c/d"), Origin(2)).is_none());
    }

    #[test]
    fn what_one_bus_filter_has_lost_another_may_bring() {
        let mut subscriptions = subscriptions(&[("a/b", 1), ("#", 2)]);
        let (narrow, wide) = (BusFilter::of("a/b"), BusFilter::of("#"));
        assert!(subscriptions.is_first(&narrow, 1, "a/b"));
        assert!(subscriptions.is_first(&narrow, 2, "a/b"));
        subscriptions.lost(&narrow);
        assert!(subscriptions.is_first(&narrow, 4, "a/b"));
        for (place, is_first) in [(1, false), (2, false), (3, true), (4, false), (5, true)] {
            assert_eq!(subscriptions.is_first(&wide, place, "a/b"), is_first, "{place}");
        }
    }

    #[test]
    fn what_a_bus_filter_has_brought_does_not_come_again_when_it_is_not_needed_any_more() {
        let mut subscriptions = subscriptions(&[("a/b", 1), ("#", 2)]);
        let (narrow, wide) = (BusFilter::of("a/b"), BusFilter::of("#"));
        for place in 1..=5 {
            assert!(subscriptions.is_first(&narrow, place, "a/b"));
        }
        assert_eq!(subscriptions.remove(&filter("a/b")), Some(Some(narrow)));
        assert!(!subscriptions.is_first(&wide, 4, "a/b"));
        subscriptions.insert(filter("a/b"), SubscriptionOptions::default(), None);
        assert!(!subscriptions.is_first(&wide, 5, "a/b"));
        assert!(subscriptions.is_first(&wide, 6, "a/b"));
        for number in 0..100 {
            let topic = format!("a/{number}");
            subscriptions.insert(filter(&topic), SubscriptionOptions::default(), None);
            subscriptions.is_first(&BusFilter::of(&topic), 10 + number, &topic);
            subscriptions.remove(&filter(&topic));
        }
        assert_eq!(subscriptions.former.len(), MAX_FORMER);
    }

    proptest! {
        /// Bus filters that begin anywhere and bring the same messages in any order of turns: each message is first
        /// exactly once.
        #[test]
        fn a_message_is_first_once(
            starts in proptest::array::uniform3(0..20u64),
            turns in proptest::collection::vec(0..3usize, 0..200),
        ) {
            let names = ["a/b", "a/+", "#"];
            let mut subscriptions = subscriptions(&names.map(|name| (name, 1)));
            let mut next = starts;
            let mut firsts = Vec::new();
            let rest = (0..3).flat_map(|lane| std::iter::repeat_n(lane, 40));
            for lane in turns.into_iter().chain(rest) {
                let place = next[lane];
                if place < 40 {
                    next[lane] += 1;
                    if subscriptions.is_first(&BusFilter::of(names[lane]), place, "a/b") {
                        firsts.push(place);
                    }
                }
            }
            firsts.sort_unstable();
            let earliest = *starts.iter().min().unwrap();
            prop_assert_eq!(firsts, (earliest..40).collect::<Vec<_>>());
        }
    }
}
