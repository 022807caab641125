//! Bus topics: what the router sees of a topic.
//!
//! The router keeps a log for every filter it has ever seen and a cache entry for every topic. It therefore sees
//! only the first [`DEPTH`] levels, so that a device that publishes on ever new topics below
//! `devices/<id>/telemetry/` costs it nothing; sessions match the rest themselves, which they must do anyway to
//! authorise every delivery. A prefix of ASCII keeps its other trap shut: a topic that starts with `$` or with a
//! character of several bytes.

/// How many levels the router sees: `devices`, the device, its channel.
const DEPTH: usize = 3;

/// In front of everything the router sees.
const PREFIX: &str = "m/";

/// A topic as the router sees it.
pub(super) fn topic(name: &str) -> String {
    let mut bus = String::with_capacity(PREFIX.len() + name.len());
    bus.push_str(PREFIX);
    bus.push_str(first_levels(name));
    bus
}

/// A filter as the router sees it: it lets through at least what the client's filter does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BusFilter(String);

impl BusFilter {
    /// The bus filter of a client's topic filter.
    pub(crate) fn of(filter: &str) -> Self {
        let levels = first_levels(filter);
        // "a/b/c/#" also matches "a/b/c", and the bus topic of both it and "a/b/c/d" is "a/b/c".
        Self(format!("{PREFIX}{levels}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn first_levels(text: &str) -> &str {
    match text.match_indices('/').nth(DEPTH - 1) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{TopicFilter, TopicName};
    use proptest::prelude::*;

    #[test]
    fn only_the_first_levels_are_seen() {
        assert_eq!(topic("devices/dev-1/telemetry/a/b"), "m/devices/dev-1/telemetry");
        assert_eq!(topic("a"), "m/a");
        assert_eq!(topic("/"), "m//");
        assert_eq!(BusFilter::of("devices/+/telemetry/#").as_str(), "m/devices/+/telemetry");
        assert_eq!(BusFilter::of("#").as_str(), "m/#");
        assert_eq!(BusFilter::of("a/b/#").as_str(), "m/a/b/#");
        assert_eq!(BusFilter::of("a/b/c/#").as_str(), "m/a/b/c");
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
            if filter.matches(&name) {
                let (bus_topic, bus_filter) = (topic(name.as_str()), BusFilter::of(filter.as_str()));
                prop_assert!(rumqttd::protocol::matches(&bus_topic, bus_filter.as_str()), "{bus_topic} {bus_filter:?}");
            }
        }
    }
}
