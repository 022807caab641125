//! Reproducible pseudo-random bytes: SHA-256 of a name and a counter.

use sha2::{Digest as _, Sha256};

use crate::curve::scalar;

pub(crate) struct Stream {
    name: &'static str,
    drawn: u32,
}

impl Stream {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, drawn: 0 }
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        self.drawn += 1;
        Sha256::new().chain_update(self.name).chain_update(self.drawn.to_le_bytes()).finalize().into()
    }

    /// A private key: a number modulo n. Zero comes up once in 2²⁵⁶.
    pub(crate) fn scalar(&mut self) -> p256::Scalar {
        scalar(&self.bytes())
    }

    /// A number below `end`, which is small.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let [a, b, ..] = self.bytes();
        usize::from(u16::from_le_bytes([a, b])) % end
    }
}
