//! [`Lanes`]: which bus filters a link has, and what each of them has brought.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

use authenticator::policy::TopicFilter;

use crate::bus::BusFilter;

/// How many bus filters are remembered that are no longer needed.
const MAX_FORMER: usize = 16;

/// How many ranges between losses are remembered of a bus filter. Others are behind by less than one of them.
const MAX_RANGES: usize = 8;

/// The topic filters of one link, by bus filter.
///
/// A message that several of the bus filters let through comes through each of them. Only the first time counts.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_bus: BTreeMap<BusFilter, Lane>,
    /// What bus filters have brought that are not needed any more, the latest at the end: one that is behind may bring it
    /// again.
    former: VecDeque<(BusFilter, VecDeque<RangeInclusive<u64>>)>,
}

/// The topic filters of one bus filter.
#[derive(Debug, Default)]
struct Lane {
    filters: BTreeSet<TopicFilter<'static>>,
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

impl Lanes {
    /// Adds a topic filter.
    pub(super) fn insert(&mut self, filter: TopicFilter<'static>) {
        self.by_bus.entry(BusFilter::of(filter.as_str())).or_default().filters.insert(filter);
    }

    /// Removes a topic filter. Returns its bus filter, if no other needs that.
    pub(super) fn remove(&mut self, filter: &TopicFilter<'static>) -> Option<BusFilter> {
        let bus = BusFilter::of(filter.as_str());
        let filters = &mut self.by_bus.get_mut(&bus)?.filters;
        if !filters.remove(filter) || !filters.is_empty() {
            return None;
        }
        if let Some(lane) = self.by_bus.remove(&bus)
            && !lane.brought.is_empty()
        {
            self.former.push_back((bus, lane.brought));
            if self.former.len() > MAX_FORMER {
                self.former.pop_front();
            }
        }
        Some(bus)
    }

    /// Notes that `bus` has brought the message of this place. `false`: another has brought it already.
    pub(super) fn is_first(&mut self, bus: &BusFilter, place: u64, topic: &str) -> bool {
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
    pub(super) fn example(&self, bus: &BusFilter) -> Option<&TopicFilter<'static>> {
        self.by_bus.get(bus).and_then(|lane| lane.filters.first())
    }

    /// Notes that `bus` has lost messages. Another may bring them.
    pub(super) fn lost(&mut self, bus: &BusFilter) {
        if let Some(lane) = self.by_bus.get_mut(bus) {
            lane.broken = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(text: &str) -> TopicFilter<'static> {
        TopicFilter::new(text).unwrap().into_owned()
    }

    fn lanes(filters: &[&str]) -> Lanes {
        let mut lanes = Lanes::default();
        filters.iter().for_each(|text| lanes.insert(filter(text)));
        lanes
    }

    #[test]
    fn a_message_lost_by_one_bus_filter_is_delivered_through_another() {
        let mut lanes = lanes(&["a/b", "#"]);
        let (narrow, wide) = (BusFilter::of("a/b"), BusFilter::of("#"));
        assert!(lanes.is_first(&narrow, 1, "a/b"));
        assert!(lanes.is_first(&narrow, 2, "a/b"));
        lanes.lost(&narrow);
        assert!(lanes.is_first(&narrow, 4, "a/b"));
        for (place, is_first) in [(1, false), (2, false), (3, true), (4, false), (5, true)] {
            assert_eq!(lanes.is_first(&wide, place, "a/b"), is_first, "{place}");
        }
    }

    #[test]
    fn a_removed_bus_filters_messages_are_not_delivered_again_through_another() {
        let mut lanes = lanes(&["a/b", "#"]);
        let (narrow, wide) = (BusFilter::of("a/b"), BusFilter::of("#"));
        for place in 1..=5 {
            assert!(lanes.is_first(&narrow, place, "a/b"));
        }
        assert_eq!(lanes.remove(&filter("a/b")), Some(narrow));
        assert!(!lanes.is_first(&wide, 4, "a/b"));
        lanes.insert(filter("a/b"));
        assert!(!lanes.is_first(&wide, 5, "a/b"));
        assert!(lanes.is_first(&wide, 6, "a/b"));
        for number in 0..100 {
            let topic = format!("a/{number}");
            lanes.insert(filter(&topic));
            lanes.is_first(&BusFilter::of(&topic), 10 + number, &topic);
            lanes.remove(&filter(&topic));
        }
        assert_eq!(lanes.former.len(), MAX_FORMER);
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
            let mut lanes = lanes(&names);
            let mut next = starts;
            let mut firsts = Vec::new();
            let rest = (0..3).flat_map(|lane| std::iter::repeat_n(lane, 40));
            for lane in turns.into_iter().chain(rest) {
                let place = next[lane];
                if place < 40 {
                    next[lane] += 1;
                    if lanes.is_first(&BusFilter::of(names[lane]), place, "a/b") {
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
