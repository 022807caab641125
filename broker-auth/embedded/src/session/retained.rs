//! Retained messages: the last word on every topic (MQTT 5 §3.3.1.3).

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::engine::Message;
use crate::limits::SessionLimits;
use authenticator::identity::Identity;
use authenticator::policy::{TopicFilter, TopicName};
use mqtt::Text;

/// How often a full store is searched for messages whose life is over. It takes time, and a publisher that finds it full
/// is soon back.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// All retained messages.
#[derive(Debug)]
pub struct Retained(Mutex<Store>);

#[derive(Debug)]
struct Store {
    by_topic: BTreeMap<Text, Kept>,
    total: Sizes,
    /// What each identity has retained: as the last to have written it, and whatever has become of it since.
    of: HashMap<Identity, Sizes>,
    limit: Sizes,
    /// How many were ever kept.
    kept: u64,
    searched_at: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    message: Message,
    owner: Identity,
}

/// So many messages of so many bytes, names included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    messages: usize,
    bytes: usize,
}

/// There is no room for another retained message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The store is full.
    Store,
    /// The identity's share of it is full.
    Share,
}

impl Sizes {
    /// How much one identity may retain.
    pub(super) fn share(limits: &SessionLimits) -> Self {
        Self {
            messages: limits.max_retained_messages_per_identity,
            bytes: limits.max_retained_bytes_per_identity,
        }
    }

    fn of(message: &Message) -> Self {
        Self { messages: 1, bytes: message.weight() }
    }

    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }

    fn subtract(&mut self, other: Self) {
        self.messages = self.messages.saturating_sub(other.messages);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }

    /// Whether there is room for `new` once `old` is gone. What takes no more than before always has.
    fn has_room(self, mut present: Self, old: Self, new: Self) -> bool {
        let grows = |old: usize, new: usize| new > old;
        present.subtract(old);
        present.add(new);
        (present.messages <= self.messages || !grows(old.messages, new.messages))
            && (present.bytes <= self.bytes || !grows(old.bytes, new.bytes))
    }
}

impl Store {
    fn room_for(&self, message: &Message, owner: &Identity, share: Sizes) -> Result<(), Full> {
        let new = Sizes::of(message);
        let old = self.by_topic.get(&message.topic);
        let replaced = old.map(|old| Sizes::of(&old.message)).unwrap_or_default();
        if !self.limit.has_room(self.total, replaced, new) {
            return Err(Full::Store);
        }
        let own = self.of.get(owner).copied().unwrap_or_default();
        let own_replaced =
            if old.is_some_and(|old| old.owner == *owner) { replaced } else { Sizes::default() };
        if share.has_room(own, own_replaced, new) { Ok(()) } else { Err(Full::Share) }
    }

    fn insert(&mut self, topic: Text, kept: Kept) {
        self.forget(&topic);
        let sizes = Sizes::of(&kept.message);
        self.total.add(sizes);
        self.of.entry(kept.owner.clone()).or_default().add(sizes);
        self.by_topic.insert(topic, kept);
    }

    fn forget(&mut self, topic: &Text) {
        if let Some(kept) = self.by_topic.remove(topic) {
            self.freed(&kept);
        }
    }

    fn freed(&mut self, Kept { message, owner }: &Kept) {
        let sizes = Sizes::of(message);
        self.total.subtract(sizes);
        if let Some(own) = self.of.get_mut(owner) {
            own.subtract(sizes);
            if own.messages == 0 {
                self.of.remove(owner);
            }
        }
    }

    /// Makes room, if that was not tried just now.
    fn forget_expired(&mut self, now: Instant) {
        if self.searched_at.is_some_and(|at| now.saturating_duration_since(at) < SEARCH_INTERVAL) {
            return;
        }
        self.search(now);
    }

    /// Forgets what has expired.
    fn search(&mut self, now: Instant) {
        self.searched_at = Some(now);
        let expired: Vec<_> =
            self.by_topic.extract_if(.., |_, kept| kept.message.remaining(now).is_err()).collect();
        for (_, kept) in &expired {
            self.freed(kept);
        }
    }

    fn next_place(&mut self) -> u64 {
        self.kept += 1;
        self.kept
    }
}

impl Retained {
    /// A store with room for so many messages, and so many bytes.
    pub(super) fn new(messages: usize, bytes: usize) -> Self {
        Self(Mutex::new(Store {
            by_topic: BTreeMap::new(),
            total: Sizes::default(),
            of: HashMap::new(),
            limit: Sizes { messages, bytes },
            kept: 0,
            searched_at: None,
        }))
    }

    /// Keeps a message of `owner` as the last word on its topic, or forgets the last word if its payload is empty. Either
    /// way it is told its place in the order of keeping. `share` is how much the owner may retain.
    pub(super) fn keep(
        &self,
        message: &mut Message,
        owner: &Identity,
        share: Sizes,
        now: Instant,
    ) -> Result<(), Full> {
        let mut store = self.0.lock();
        if message.payload.is_empty() {
            message.kept = store.next_place();
            store.forget(&message.topic);
            return Ok(());
        }
        if store.room_for(message, owner, share).is_err() {
            store.forget_expired(now);
            store.room_for(message, owner, share)?;
        }
        message.kept = store.next_place();
        let kept = message.detached();
        store.insert(kept.topic.clone(), Kept { message: kept, owner: owner.clone() });
        Ok(())
    }

    /// The retained messages a new subscription gets, and how many were ever kept by then: a message with a lower
    /// place than that is among them, or was replaced by one that is.
    pub(super) fn matching(&self, filter: &TopicFilter<'_>, now: Instant) -> (Vec<Message>, u64) {
        let store = self.0.lock();
        let literal = filter.as_str().split(['+', '#']).next().unwrap_or_default();
        // "a/#" also matches "a", which lies before "a/".
        let start = literal.strip_suffix('/').unwrap_or(literal);
        let found = store
            .by_topic
            .range::<str, _>((Bound::Included(start), Bound::Unbounded))
            .take_while(|(topic, _)| topic.starts_with(start))
            .filter(|(topic, _)| TopicName::new(topic).is_ok_and(|name| filter.matches(&name)))
            .filter(|(_, kept)| kept.message.remaining(now).is_ok())
            .map(|(_, kept)| kept.message.clone())
            .collect();
        (found, store.kept)
    }

    /// How many there are. Those whose time is over are none, and go.
    pub fn count(&self) -> usize {
        let mut store = self.0.lock();
        store.search(Instant::now());
        store.by_topic.len()
    }

    /// How many bytes they have, names included.
    pub fn bytes(&self) -> usize {
        self.0.lock().total.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Origin;
    use authenticator::trust::Role;
    use mqtt::QoS;
    use proptest::prelude::*;

    fn message(topic: &str, payload: &'static [u8]) -> Message {
        Message { qos: QoS::AtMostOnce, retain: true, origin: Origin(1), ..Message::specimen(topic, payload) }
    }

    const MUCH: Sizes = Sizes { messages: 1_000, bytes: 1_000_000 };

    fn device(id: &str) -> Identity {
        authenticator::for_test::verified_client(id, Role::Device).identity().clone()
    }

    fn keep(retained: &Retained, topic: &str, payload: &'static [u8]) {
        retained.keep(&mut message(topic, payload), &device("dev-1"), MUCH, Instant::now()).unwrap();
    }

    /// What the store counts is what is there.
    fn check_sizes(retained: &Retained) {
        let store = retained.0.lock();
        let mut of: HashMap<Identity, Sizes> = HashMap::new();
        let mut total = Sizes::default();
        for kept in store.by_topic.values() {
            total.add(Sizes::of(&kept.message));
            of.entry(kept.owner.clone()).or_default().add(Sizes::of(&kept.message));
        }
        assert_eq!((store.total, &store.of), (total, &of));
    }

    #[tokio::test]
    async fn a_retained_message_is_replaced_by_the_next_and_cleared_by_an_empty_one() {
        let retained = Retained::new(100, 100_000);
        for payload in [&b"1"[..], b"22"] {
            keep(&retained, "a/b", payload);
        }
        let filter = TopicFilter::new("a/#").unwrap();
        let (found, kept) = retained.matching(&filter, Instant::now());
        assert_eq!((kept, found[0].kept), (2, 2));
        assert_eq!(found.iter().map(|message| &message.payload[..]).collect::<Vec<_>>(), [b"22"]);
        keep(&retained, "a/b", b"");
        assert_eq!((retained.count(), retained.bytes()), (0, 0));
        check_sizes(&retained);
    }

    #[tokio::test]
    async fn an_identity_whose_share_is_full_may_replace_its_messages_and_limits_no_other() {
        let retained = Retained::new(100, 100_000);
        let (one, two) = (device("dev-1"), device("dev-2"));
        let share = Sizes { messages: 2, bytes: 1_000 };
        let keep = |owner: &Identity, topic: &str, payload: &'static [u8]| {
            let kept = retained.keep(&mut message(topic, payload), owner, share, Instant::now());
            check_sizes(&retained);
            kept
        };
        keep(&one, "a", b"1").unwrap();
        keep(&one, "b", b"1").unwrap();
        assert_eq!(keep(&one, "c", b"1"), Err(Full::Share));
        keep(&one, "a", b"another").unwrap();
        keep(&two, "c", b"1").unwrap();
        // A retained message counts for the identity that wrote it last.
        keep(&two, "a", b"theirs").unwrap();
        assert_eq!(keep(&two, "b", b"theirs"), Err(Full::Share));
        keep(&one, "d", b"1").unwrap();
        // Clearing is always possible, and gives the place back.
        keep(&two, "b", b"").unwrap();
        keep(&one, "e", b"1").unwrap();
        assert_eq!(retained.count(), 4);
        // Bytes are counted, too; what does not grow may stay, whatever has become of the limit.
        assert_eq!(keep(&one, "e", &[0; 1_000]), Err(Full::Share));
        let less = Sizes { messages: 1, bytes: 10 };
        assert_eq!(retained.keep(&mut message("e", b"2"), &one, less, Instant::now()), Ok(()));
        assert_eq!(retained.keep(&mut message("e", b"22"), &one, less, Instant::now()), Err(Full::Share));
    }

    #[tokio::test]
    async fn a_full_store_takes_replacements_and_forgets_what_has_expired() {
        let retained = Retained::new(2, 100_000);
        let mut passing = message("a", b"1");
        passing.expires_at = Some(Instant::now() + Duration::from_millis(50));
        retained.keep(&mut passing, &device("dev-1"), MUCH, Instant::now()).unwrap();
        keep(&retained, "b", b"1");
        let mut another = message("c", b"1");
        assert_eq!(retained.keep(&mut another, &device("dev-2"), MUCH, Instant::now()), Err(Full::Store));
        keep(&retained, "b", b"2");
        tokio::time::sleep(Duration::from_millis(60)).await;
        // It was searched just now, and a search takes time.
        assert_eq!(retained.keep(&mut another, &device("dev-2"), MUCH, Instant::now()), Err(Full::Store));
        retained.0.lock().searched_at = Instant::now().checked_sub(SEARCH_INTERVAL);
        assert_eq!(retained.keep(&mut another, &device("dev-2"), MUCH, Instant::now()), Ok(()));
        check_sizes(&retained);
    }

    #[tokio::test]
    async fn expired_messages_are_not_counted_and_take_no_room() {
        let retained = Retained::new(10, 100_000);
        keep(&retained, "a", b"1");
        let mut passing = Message { expires_at: Some(Instant::now()), ..message("b", b"1") };
        retained.keep(&mut passing, &device("dev-1"), MUCH, Instant::now()).unwrap();
        assert_eq!(retained.count(), 1);
        assert_eq!(retained.bytes(), message("a", b"1").weight());
        check_sizes(&retained);
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
            let retained = Retained::new(100, 100_000);
            let topics: Vec<_> = topics.into_iter().filter(|topic| TopicName::new(topic).is_ok()).collect();
            for topic in &topics {
                keep(&retained, topic, b"x");
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
