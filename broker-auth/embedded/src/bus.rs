//! Bus topics: what the router sees of a topic.
//!
//! The router keeps a log for every filter and a cache entry for every topic it has ever seen, and looks through all of
//! them when a new one comes. So it sees few: a topic's first two levels as one of [`BUCKETS`] numbers, and its third
//! as one of [`LANES`]. A fleet may grow, and a device may publish on ever new topics: the router's work and memory
//! have an end. Sessions match every topic themselves, which they must do anyway to authorise each delivery; what a
//! bus filter lets through beside what is wanted goes no further than that.
//!
//! Two numbers instead of one keep apart what flows in different directions: `devices/<id>/telemetry/…` of one device
//! and `devices/<id>/commands/…` of another may share a bucket, never a lane, and a device is not woken by telemetry.
//!
//! Nothing that a client chose is in a bus topic, which keeps the router's other traps shut: topics that start with `$`
//! or with a character of several bytes.

use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};

use serde::{Deserialize, Serialize};

/// Numbers for the first two levels. A fleet of 10,000 has ten devices in one, and a command wakes those ten.
const BUCKETS: u64 = 1024;

/// Numbers for the third level; zero says that there is none. Among 31 the channels of a fleet have one each.
const LANES: u64 = 32;

/// Every bus topic, and every bus filter that names a bucket, has four levels and ends like this. Filters that gather
/// from all buckets have fewer, so that [`NARROW`] tells them apart.
const END: &str = "m";

/// As a pattern of the router: the bus filters that name a bucket.
pub(crate) const NARROW: &str = "m/+/+/m";

/// A topic as the router sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BusTopic {
    lane: u64,
    bucket: u64,
}

impl BusTopic {
    /// The bus topic of a topic name.
    pub(crate) fn of(name: &str) -> Self {
        let (head, third) = head_and_third(name);
        Self { lane: lane(third), bucket: bucket(head) }
    }

    /// Every bus filter that lets it through, in the order of [`Marks`].
    pub(crate) fn filters(self) -> [BusFilter; 4] {
        let Self { lane, bucket } = self;
        [(Some(lane), Some(bucket)), (None, Some(bucket)), (Some(lane), None), (None, None)]
            .map(|(lane, bucket)| BusFilter { lane, bucket })
    }
}

/// As the router wants it.
impl fmt::Display for BusTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m/{}/{}/{END}", self.lane, self.bucket)
    }
}

/// How much had flowed through each of a message's bus filters when it was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks(pub(crate) [u64; 4]);

/// A filter as the router sees it: it lets through at least what the client's filter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BusFilter {
    /// `None`: all of them.
    lane: Option<u64>,
    bucket: Option<u64>,
}

impl BusFilter {
    /// Where this filter's mark is.
    pub(crate) fn mark(self, marks: Marks) -> u64 {
        let [narrow, all_lanes, all_buckets, all] = marks.0;
        match self {
            Self { lane: Some(_), bucket: Some(_) } => narrow,
            Self { lane: None, bucket: Some(_) } => all_lanes,
            Self { lane: Some(_), bucket: None } => all_buckets,
            Self { lane: None, bucket: None } => all,
        }
    }

    /// Whether it names a bucket, so that few want what it lets through.
    pub(crate) fn is_narrow(self) -> bool {
        self.bucket.is_some()
    }

    /// Every bus filter that lets a topic through: what is wanted by a filter of another is not for this topic.
    pub(crate) fn letting_through(topic: &str) -> [Self; 4] {
        BusTopic::of(topic).filters()
    }

    /// The bus filter of a client's topic filter.
    pub(crate) fn of(filter: &str) -> Self {
        let (head, third) = head_and_third(filter);
        let is_wild = |level: &str| matches!(level, "+" | "#");
        if head.split('/').any(|level| level == "#") {
            // "a/#" also matches "a", which has another head and no third level.
            return Self { lane: None, bucket: None };
        }
        Self {
            // "a/b/#" also matches "a/b", whose lane says that there is no third level.
            lane: if third.is_some_and(is_wild) { None } else { Some(lane(third)) },
            bucket: if head.split('/').any(is_wild) { None } else { Some(bucket(head)) },
        }
    }
}

/// As the router wants it.
impl fmt::Display for BusFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { lane: Some(lane), bucket: Some(bucket) } => write!(f, "m/{lane}/{bucket}/{END}"),
            Self { lane: None, bucket: Some(bucket) } => write!(f, "m/+/{bucket}/{END}"),
            Self { lane: Some(lane), bucket: None } => write!(f, "m/{lane}/#"),
            Self { lane: None, bucket: None } => f.write_str("m/#"),
        }
    }
}

/// The first two levels, and the third.
fn head_and_third(text: &str) -> (&str, Option<&str>) {
    match text.match_indices('/').nth(1) {
        None => (text, None),
        Some((end, _)) => {
            let (head, rest) = text.split_at(end);
            (head, rest.split('/').nth(1))
        }
    }
}

fn bucket(head: &str) -> u64 {
    number(head) % BUCKETS
}

fn lane(third: Option<&str>) -> u64 {
    third.map_or(0, |third| 1 + number(third) % (LANES - 1))
}

/// The same at every run: whether two things share a number is the same every day.
fn number(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use authenticator::policy::{TopicFilter, TopicName};
    use proptest::prelude::*;
    use rumqttd::protocol::matches;

    #[test]
    fn a_fleet_of_any_size_has_as_many_bus_topics_and_filters() {
        let (mut topics, mut filters) = (HashSet::new(), HashSet::new());
        for device in 0..20_000 {
            for channel in ["telemetry/temperature", "status", "commands/reboot", "credential/request"] {
                topics.insert(BusTopic::of(&format!("devices/dev-{device}/{channel}/{device}")));
            }
            filters.insert(BusFilter::of(&format!("devices/dev-{device}/commands/#")));
        }
        assert_eq!((topics.len(), filters.len()), (4 * 1024, 1024));
        for number in 0..200_000 {
            topics.insert(BusTopic::of(&format!("a/{number}/{number}")));
        }
        assert!(topics.len() <= 1024 * 32, "{}", topics.len());
    }

    #[test]
    fn telemetry_wakes_no_session_that_waits_for_commands() {
        let channels =
            ["telemetry", "status", "commands", "credential", "events", "config", "requests", "responses"];
        let lanes = channels.map(|channel| lane(Some(channel)));
        assert_eq!(HashSet::from(lanes).len(), channels.len(), "{lanes:?}");
        let commands = BusFilter::of("devices/dev-1/commands/#");
        for device in 0..5_000 {
            assert!(!BusTopic::of(&format!("devices/{device}/telemetry/a")).filters().contains(&commands));
        }
    }

    #[test]
    fn only_filters_for_one_bucket_are_narrow() {
        for (filter, narrow) in [
            ("devices/dev-1/commands/#", true),
            ("devices/dev-1/#", true),
            ("devices/dev-1", true),
            ("a", true),
            ("devices/+/telemetry/#", false),
            ("devices/#", false),
            ("#", false),
            ("+", false),
        ] {
            let bus = BusFilter::of(filter);
            assert_eq!(bus.is_narrow(), narrow, "{filter}");
            assert_eq!(matches(&bus.to_string(), NARROW), narrow, "{filter} is {bus}");
        }
    }

    proptest! {
        /// Whatever a client's filter matches, its bus filter lets through, by the router's own matcher.
        #[test]
        fn a_bus_filter_lets_through_what_the_filter_matches(
            name in "[ab]{0,1}(/[abé]{0,1}){0,5}",
            filter in "([ab+]{0,1}/){0,5}[ab+#]",
        ) {
            let (Ok(name), Ok(filter)) = (TopicName::new(&name), TopicFilter::new(&filter)) else {
                return Ok(());
            };
            let (bus_topic, bus_filter) = (BusTopic::of(name.as_str()), BusFilter::of(filter.as_str()));
            let lets_through = bus_topic.filters().contains(&bus_filter);
            prop_assert_eq!(lets_through, matches(&bus_topic.to_string(), &bus_filter.to_string()));
            if filter.matches(&name) {
                prop_assert!(lets_through, "{bus_topic} {bus_filter}");
            }
        }
    }
}
