//! The last messages that were handed to a router, in case it dies with them.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::pace::Reader;
use crate::bus::{BusTopic, Marks};

/// Bytes kept, as messages weigh; sealed messages are shared with the router's logs, so they cost little more there.
///
/// A session that keeps up has read everything but the last few hundred kilobytes: that is as far as publishers get
/// ahead of it.
const CAPACITY: usize = 8 * 1024 * 1024;

/// Messages kept, however short.
const MAX_MESSAGES: usize = 64 * 1024;

/// The last messages, in the order in which they were published.
#[derive(Debug, Default)]
pub(super) struct Tail(Mutex<Kept>);

#[derive(Debug, Default)]
pub(super) struct Kept {
    messages: VecDeque<Entry>,
    weight: usize,
}

#[derive(Debug)]
struct Entry {
    topic: BusTopic,
    marks: Marks,
    size: usize,
    envelope: Bytes,
}

/// What a reader has missed.
#[derive(Debug)]
pub(super) struct Missed {
    /// The messages, sealed, in order.
    pub(super) envelopes: Vec<Bytes>,
    /// Whether there were more before them, which are gone.
    pub(super) has_gap: bool,
    /// The mark up to which the reader has everything now.
    pub(super) up_to: u64,
}

impl Tail {
    /// To add what is about to be published. While it is held no reader asks what it has missed, so marks are taken and
    /// messages kept in one step.
    pub(super) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock()
    }

    /// What came through the filter of `reader` after `mark`.
    pub(super) fn missed(&self, reader: &Reader, mark: u64) -> Missed {
        let kept = self.0.lock();
        let filter = reader.filter();
        let mut missed = Missed { envelopes: Vec::new(), has_gap: false, up_to: mark };
        for entry in kept.messages.iter().filter(|entry| entry.topic.filters().contains(&filter)) {
            let its = filter.mark(entry.marks);
            // It had no reader when it was published, or it has been read.
            if its <= mark {
                continue;
            }
            if missed.envelopes.is_empty() {
                missed.has_gap = its.saturating_sub(u64::try_from(entry.size).unwrap_or(u64::MAX)) > mark;
            }
            missed.envelopes.push(entry.envelope.clone());
            missed.up_to = its;
        }
        if missed.envelopes.is_empty() {
            missed.up_to = reader.published().max(mark);
            missed.has_gap = missed.up_to > mark;
        }
        missed
    }
}

impl Kept {
    /// Adds one message; the oldest go.
    pub(super) fn add(&mut self, topic: BusTopic, marks: Marks, size: usize, envelope: Bytes) {
        self.weight = self.weight.saturating_add(size);
        self.messages.push_back(Entry { topic, marks, size, envelope });
        while self.weight > CAPACITY || self.messages.len() > MAX_MESSAGES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.weight = self.weight.saturating_sub(oldest.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::pace::Pace;
    use super::*;
    use crate::bus::BusFilter;

    /// Publishes a message of `size` bytes whose envelope is `name`.
    fn publish(tail: &Tail, pace: &Pace, topic: &str, size: usize, name: &'static str) -> Marks {
        let (mut kept, mut published) = (tail.lock(), pace.publishing());
        let topic = BusTopic::of(topic);
        let marks = published.add(topic, size);
        kept.add(topic, marks, size, Bytes::from_static(name.as_bytes()));
        marks
    }

    #[test]
    fn a_reader_gets_what_it_has_missed_and_nothing_else() {
        let (tail, pace) = (Tail::default(), Arc::new(Pace::default()));
        publish(&tail, &pace, "a/b/c", 10, "before anyone read");
        let reader = pace.read(BusFilter::of("a/b/#"));
        let start = reader.published();
        publish(&tail, &pace, "x/y/z", 10, "somebody else's");
        let read = reader.filter().mark(publish(&tail, &pace, "a/b/c", 10, "read"));
        publish(&tail, &pace, "a/b/d", 10, "missed");
        publish(&tail, &pace, "x/y/z", 10, "somebody else's");
        let last = reader.filter().mark(publish(&tail, &pace, "a/b/c", 10, "missed too"));

        let missed = tail.missed(&reader, read);
        assert_eq!(missed.envelopes, ["missed", "missed too"]);
        assert_eq!((missed.has_gap, missed.up_to), (false, last));
        assert_eq!(tail.missed(&reader, start).envelopes, ["read", "missed", "missed too"]);
        let nothing = tail.missed(&reader, last);
        assert_eq!((nothing.envelopes.len(), nothing.has_gap, nothing.up_to), (0, false, last));
    }

    #[test]
    fn messages_that_the_tail_no_longer_has_are_reported_as_a_gap() {
        let (tail, pace) = (Tail::default(), Arc::new(Pace::default()));
        let (reader, other) = (pace.read(BusFilter::of("a/b/#")), pace.read(BusFilter::of("x/y/#")));
        let start = reader.published();
        for _ in 0..3 {
            publish(&tail, &pace, "a/b/c", CAPACITY / 2 + 1, "large");
        }
        let missed = tail.missed(&reader, start);
        assert!(missed.has_gap && missed.envelopes == ["large"], "{missed:?}");
        for _ in 0..2 {
            publish(&tail, &pace, "x/y/z", CAPACITY / 2 + 1, "large");
        }
        let missed = tail.missed(&reader, start);
        assert!(missed.has_gap && missed.envelopes.is_empty() && missed.up_to == reader.published());
        assert!(!tail.missed(&reader, missed.up_to).has_gap);
        drop(other);
    }

    #[test]
    fn short_messages_weigh_their_overhead_too() {
        let (tail, pace) = (Tail::default(), Arc::new(Pace::default()));
        for _ in 0..MAX_MESSAGES + 10 {
            publish(&tail, &pace, "a", 1, "short");
        }
        assert_eq!(tail.lock().messages.len(), MAX_MESSAGES);
        assert_eq!(tail.lock().weight, MAX_MESSAGES);
    }
}
