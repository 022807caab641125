//! Sessions of the broker, on schedules of packets and events that a fuzzer chooses.
//!
//! The simulation of the crate `embedded` has a model of what every client is owed, and panics when one is given
//! something else.

use embedded::simulation::{Choices, play};

use crate::Verdict;

/// The most steps that an input is good for.
const MAX_STEPS: usize = 4_000;

/// Plays the input. Accepted if a client was sent something.
pub fn run(input: &[u8]) -> Verdict {
    Verdict::accepted_if(play(Choices::Bytes(input), MAX_STEPS).to_clients > 0)
}

/// Schedules of a few hundred steps, and one that ends before anybody connects.
pub fn seeds() -> Vec<Vec<u8>> {
    let schedule = |seed: u32, length: usize| {
        let mut state = seed;
        let byte = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        (0..length).map(byte).collect()
    };
    let mut seeds: Vec<Vec<u8>> = (1..=6).map(|seed| schedule(seed, 600)).collect();
    seeds.push(vec![0]);
    seeds
}
