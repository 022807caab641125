//! [`Choices`]: chance, from a seed or from bytes.

/// What decides a run.
#[derive(Clone, Debug)]
pub enum Choices<'a> {
    /// Endless, from a seed (xorshift64*).
    Seed(u64),
    /// The bytes of a fuzzer; a run ends with them.
    Bytes(&'a [u8]),
}

impl Choices<'_> {
    /// One of `0..count`, or `None` at the end.
    pub(super) fn below(&mut self, count: u64) -> Option<u64> {
        match self {
            Self::Seed(state) => {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                Some((state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % count)
            }
            Self::Bytes(bytes) => {
                let (first, rest) = bytes.split_first()?;
                *bytes = rest;
                Some(u64::from(*first) % count)
            }
        }
    }

    /// `true` once in `count` times.
    pub(super) fn one_in(&mut self, count: u64) -> Option<bool> {
        self.below(count).map(|chosen| chosen == 0)
    }
}
