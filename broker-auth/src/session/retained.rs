//! Retained messages: the last word on every topic (MQTT 5 §3.3.1.3).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::engine::Message;
use crate::packet::{Text, wire};
use crate::policy::{TopicFilter, TopicName};

/// One for every device's status, and as many again for each of nine others.
const MAX_MESSAGES: usize = 100_000;

/// Bytes of all of them, names included.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// All retained messages.
#[derive(Debug, Default)]
pub(crate) struct Retained(Mutex<Store>);

#[derive(Debug, Default)]
struct Store {
    by_topic: BTreeMap<Text, Message>,
    bytes: usize,
    /// How many were ever kept.
    kept: u64,
}

/// There is no room for another retained message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Store {
    fn has_room_for(&self, message: &Message) -> bool {
        let old = self.by_topic.get(&message.topic).map(Message::weight);
        let bytes = self.bytes - old.unwrap_or(0) + message.weight();
        bytes <= MAX_BYTES && (old.is_some() || self.by_topic.len() < MAX_MESSAGES)
    }

    fn forget_expired(&mut self, now: Instant) {
        let mut freed = 0;
        self.by_topic.retain(|_, message| {
            let lives = message.remaining(now).is_ok();
            freed += if lives { 0 } else { message.weight() };
            lives
        });
        self.bytes -= freed;
    }

    fn next_place(&mut self) -> u64 {
        self.kept += 1;
        self.kept
    }
}

impl Retained {
    /// Keeps a message as the last word on its topic, or forgets the last word if its payload is empty. Either way it
    /// is told its place in the order of keeping.
    pub(crate) fn keep(&self, message: &mut Message) -> Result<(), Full> {
        let mut store = self.lock();
        if message.payload.is_empty() {
            message.kept = store.next_place();
            if let Some(old) = store.by_topic.remove(&message.topic) {
                store.bytes -= old.weight();
            }
            return Ok(());
        }
        if !store.has_room_for(message) {
            store.forget_expired(Instant::now());
            if !store.has_room_for(message) {
                return Err(Full);
            }
        }
        message.kept = store.next_place();
        let old = store.by_topic.get(&message.topic).map_or(0, Message::weight);
        store.bytes = store.bytes - old + message.weight();
        // Copies, so that the buffer they were received in is not kept with them.
        let topic = Text::from(message.topic.to_string());
        let kept =
            Message { topic: topic.clone(), payload: wire::detach(&message.payload), ..message.clone() };
        store.by_topic.insert(topic, kept);
        Ok(())
    }

    /// The retained messages a new subscription gets, and how many were ever kept by then: a message with a lower
    /// place than that is among them, or was replaced by one that is.
    pub(crate) fn matching(&self, filter: &TopicFilter<'_>, now: Instant) -> (Vec<Message>, u64) {
        let store = self.lock();
        let literal = filter.as_str().split(['+', '#']).next().unwrap_or_default();
        // "a/#" also matches "a", which lies before "a/".
        let start = literal.strip_suffix('/').unwrap_or(literal);
        let found = store
            .by_topic
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(start))
            .filter(|(topic, _)| TopicName::new(topic).is_ok_and(|name| filter.matches(&name)))
            .filter(|(_, message)| message.remaining(now).is_ok())
            .map(|(_, message)| message.clone())
            .collect();
        (found, store.kept)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().by_topic.len()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Every change is complete when the lock is released, also by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Origin;
    use crate::packet::QoS;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn message(topic: &str, payload: &'static [u8]) -> Message {
        Message {
            topic: Text::from(topic.to_owned()),
            payload: Bytes::from_static(payload),
            qos: QoS::AtMostOnce,
            retain: true,
            origin: Origin(1),
            kept: 0,
            expires_at: None,
            properties: None,
        }
    }

    #[tokio::test]
    async fn the_last_word_replaces_and_an_empty_one_clears() {
        let retained = Retained::default();
        for payload in [&b"1"[..], b"22"] {
            retained.keep(&mut message("a/b", payload)).unwrap();
        }
        let filter = TopicFilter::new("a/#").unwrap();
        let (found, kept) = retained.matching(&filter, Instant::now());
        assert_eq!((kept, found[0].kept), (2, 2));
        assert_eq!(found.iter().map(|message| &message.payload[..]).collect::<Vec<_>>(), [b"22"]);
        retained.keep(&mut message("a/b", b"")).unwrap();
        assert_eq!((retained.len(), retained.lock().bytes), (0, 0));
    }

    proptest! {
        /// The range that is searched must not leave out what the filter matches.
        #[test]
        fn a_filter_finds_what_it_matches(
            topics in proptest::collection::btree_set("[ab]{0,2}(/[ab-]{0,1}){0,3}", 1..20),
            filter in "([ab+]{0,1}/){0,3}[ab+#]",
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _entered = runtime.enter();
            let retained = Retained::default();
            let topics: Vec<_> = topics.into_iter().filter(|topic| TopicName::new(topic).is_ok()).collect();
            for topic in &topics {
                retained.keep(&mut message(topic, b"x")).unwrap();
            }
            let Ok(filter) = TopicFilter::new(&filter) else { return Ok(()) };
            let wanted: Vec<_> =
                topics.iter().filter(|topic| filter.matches(&TopicName::new(topic).unwrap())).cloned().collect();
            let found: Vec<_> = retained
                .matching(&filter, Instant::now())
                .0
                .into_iter()
                .map(|message| message.topic.to_string())
                .collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
