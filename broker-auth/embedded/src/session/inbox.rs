//! [`Inbox`]: what a client has sent with QoS 2 and not yet released, the receiver's half of "exactly once".

use std::num::NonZeroU16;

/// The packet ids of accepted QoS 2 messages that the client has not released (MQTT 5 §4.3.3). A bit for each: a client
/// of 3.1.1 may have all of them outstanding, and does not grow by more than 8 KiB with that.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    accepted: Vec<u64>,
    count: usize,
}

/// What a QoS 2 PUBLISH turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before: to be passed on.
    First,
    /// Passed on already: to be acknowledged again, and nothing else.
    Repeated,
    /// The client has more of them outstanding than it was told it may.
    TooMany,
}

/// Where an id's bit is: the word, and the bit in it.
fn place(id: NonZeroU16) -> (usize, u64) {
    (usize::from(id.get() / 64), 1 << (id.get() % 64))
}

impl Inbox {
    /// Judges an arriving message; `limit` is the Receive Maximum the client was told.
    pub(crate) fn judge(&self, id: NonZeroU16, limit: u16) -> Arrival {
        let (word, bit) = place(id);
        if self.accepted.get(word).is_some_and(|bits| bits & bit != 0) {
            Arrival::Repeated
        } else if self.count >= usize::from(limit) {
            Arrival::TooMany
        } else {
            Arrival::First
        }
    }

    /// The message with this id was passed on.
    pub(crate) fn accept(&mut self, id: NonZeroU16) {
        let (word, bit) = place(id);
        if self.accepted.len() <= word {
            self.accepted.resize(word + 1, 0);
        }
        if let Some(bits) = self.accepted.get_mut(word) {
            self.count += usize::from(*bits & bit == 0);
            *bits |= bit;
        }
    }

    /// PUBREL. `false` if nothing with this id was accepted.
    pub(crate) fn release(&mut self, id: NonZeroU16) -> bool {
        let (word, bit) = place(id);
        let Some(bits) = self.accepted.get_mut(word) else { return false };
        let was_accepted = *bits & bit != 0;
        *bits &= !bit;
        self.count -= usize::from(was_accepted);
        was_accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn an_id_is_known_from_its_message_to_its_release(
            steps in proptest::collection::vec((any::<bool>(), prop_oneof![1..70u16, 65_470..=u16::MAX]), 0..200),
        ) {
            let mut inbox = Inbox::default();
            let mut known = HashSet::new();
            for (arrives, id) in steps {
                let id = NonZeroU16::new(id).unwrap();
                let expected = match (known.contains(&id), known.len()) {
                    (true, _) => Arrival::Repeated,
                    (false, 20..) => Arrival::TooMany,
                    (false, _) => Arrival::First,
                };
                prop_assert_eq!(inbox.judge(id, 20), expected);
                if !arrives {
                    prop_assert_eq!(inbox.release(id), known.remove(&id));
                } else if expected == Arrival::First {
                    inbox.accept(id);
                    known.insert(id);
                }
            }
        }
    }

    #[test]
    fn every_id_may_be_outstanding() {
        let mut inbox = Inbox::default();
        for id in (1..=u16::MAX).filter_map(NonZeroU16::new) {
            assert_eq!(inbox.judge(id, u16::MAX), Arrival::First);
            inbox.accept(id);
        }
        assert_eq!(inbox.accepted.len() * 8, 8192);
        assert!((1..=u16::MAX).filter_map(NonZeroU16::new).all(|id| inbox.release(id)));
        assert_eq!(inbox.count, 0);
    }
}
