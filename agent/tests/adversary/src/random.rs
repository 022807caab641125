//! Randomness of the generation that p256 0.13 knows: real, or the same every time.

use p256::elliptic_curve::rand_core::{CryptoRng, CryptoRngCore, Error, RngCore};
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};

/// A generator from a seed.
pub struct Random(StdRng);

impl Random {
    /// Real.
    pub fn new() -> Self {
        Self(StdRng::from_rng(&mut rand::rng()))
    }

    /// The same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, into: &mut [u8]) {
        self.0.fill_bytes(into);
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.0.fill_bytes(into);
        Ok(())
    }
}

impl CryptoRng for Random {}

const _: fn(&mut Random) -> &mut dyn CryptoRngCore = |random| random;
