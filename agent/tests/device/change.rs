//! Bytes changed at random.

use proptest::prelude::*;

/// One change to some bytes; places are taken modulo the length.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Set(usize, u8),
    Flip(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Swap(usize, usize),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let place = 0..2000_usize;
    let bytes = proptest::collection::vec(any::<u8>(), 1..6);
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (place.clone(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        (place.clone(), 1..6_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (place.clone(), bytes).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place.clone(), 1..40_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (place.clone(), place).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

impl Change {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len().max(1);
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => bytes[at % length] = *byte,
            Self::Flip(at, bit) => bytes[at % length] ^= bit,
            Self::Remove(at, count) => {
                let at = at % length;
                bytes.drain(at..(at + count).min(length));
            }
            Self::Insert(at, new) => drop(bytes.splice(at % length..at % length, new.iter().copied())),
            Self::Repeat(at, count) => {
                let at = at % length;
                let again = bytes[at..(at + count).min(length)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Swap(one, other) => bytes.swap(one % length, other % length),
        }
    }
}
