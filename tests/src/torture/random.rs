//! Chance that can be repeated.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, RngCore as _, SeedableRng as _};

/// The chance of one step of one client. It depends on the seed, the client and the step alone: whatever the broker
/// has answered before, the same step is the same again.
pub(super) struct Dice(StdRng);

impl Dice {
    pub(super) fn of_step(seed: u64, client: usize, step: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(client as u64).to_le_bytes());
        key[16..24].copy_from_slice(&step.to_le_bytes());
        Self(StdRng::from_seed(key))
    }

    /// A number from `range`.
    pub(super) fn within<R: rand::distr::uniform::SampleRange<usize>>(&mut self, range: R) -> usize {
        self.0.random_range(range)
    }

    pub(super) fn one_in(&mut self, count: u32) -> bool {
        self.0.random_ratio(1, count)
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        from.choose(&mut self.0).expect("there is something to pick from")
    }

    /// One of `from`, each as likely as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u32, T)]) -> T {
        from.choose_weighted(&mut self.0, |(weight, _)| *weight).expect("the weights are positive").1
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
