//! Changes to a script that are steps, not bytes.

use std::sync::LazyLock;

use adversary::random::Random;
use p256::elliptic_curve::rand_core::RngCore as _;

use super::script::{read, write};
use super::seeds;

/// The script with a step more, less, or elsewhere; new ones come from the seeds. The same for the same choice.
pub fn change(input: &[u8], choice: u32) -> Vec<u8> {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(seeds);
    let mut random = Random::from_seed(u64::from(choice));
    let mut below = |count: usize| random.next_u32() as usize % count.max(1);

    let mut steps = read(input);
    let (place, other) = (below(steps.len()), below(steps.len()));
    match below(4) {
        0 if !steps.is_empty() => drop(steps.remove(place)),
        1 if !steps.is_empty() => steps.swap(place, other),
        2 if !steps.is_empty() => steps.insert(place, steps[other]),
        _ => {
            let seed = read(&SEEDS[below(SEEDS.len())]);
            steps.insert(place, seed[below(seed.len())]);
        }
    }
    write(&steps)
}
