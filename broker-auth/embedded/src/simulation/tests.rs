//! Runs of many seeds.

use super::*;

/// `COUNTERSIGN_SEEDS` plays more.
fn seeds() -> u64 {
    std::env::var("COUNTERSIGN_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

#[test]
fn every_client_is_given_what_it_is_owed() {
    let mut all = Played::default();
    let begun = std::time::Instant::now();
    for seed in 1..=seeds() {
        let played = std::panic::catch_unwind(|| play(Choices::Seed(seed), 5_000));
        let played = played.unwrap_or_else(|_| panic!("seed {seed}: COUNTERSIGN_SEEDS={seed} plays it last"));
        all.from_clients += played.from_clients;
        all.to_clients += played.to_clients;
    }
    let packets = all.from_clients + all.to_clients;
    println!("{all:?}: {:.0} packets a second", packets as f64 / begun.elapsed().as_secs_f64());
    assert!(all.to_clients > 1_000, "{all:?}");
}

#[test]
fn the_same_seed_plays_the_same_run() {
    assert_eq!(play(Choices::Seed(7), 3_000), play(Choices::Seed(7), 3_000));
}
