//! The power is cut at every operation of a renewal, and again while the device recovers.

use std::collections::BTreeSet;

use countersign_agent::platform::host::part::{Nrf52840, Part, Stm32f405, Stm32l476, Stm32u575, W25q16jv};

use crate::life::Life;

/// How the power goes.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// In the midst of the operation of this number.
    Within(u64),
    /// Before it.
    Before(u64),
}

impl Cut {
    /// Renews with this cut. `false` if the renewal had come to its end before.
    fn tried_on<P: Part>(self, life: &mut Life<P>) -> bool {
        match self {
            Self::Within(operation) => life.flash.cut_after(operation),
            Self::Before(operation) => life.flash.cut_between(operation),
        }
        let renewed = life.renew();
        let cut = life.flash.is_off();
        life.flash.power_on();
        assert_eq!(renewed.is_err(), cut, "{self:?}: {renewed:?}");
        cut
    }
}

/// Both ways, at each operation that `wanted` picks, for as long as there is something to cut.
fn cuts(wanted: impl Fn(u64) -> bool) -> impl Iterator<Item = [Cut; 2]> {
    (0..)
        .filter(move |&operation| wanted(operation))
        .map(|operation| [Cut::Before(operation), Cut::Within(operation)])
}

/// What the device has after a boot, as words.
fn state<P: Part>(life: &mut Life<P>) -> String {
    let before = life.flash.operations();
    let store = life.boot().unwrap();
    format!(
        "{:?} {:?} request {} tidied {}",
        store.current(),
        store.trial(),
        store.has_request(),
        life.flash.operations() - before,
    )
}

/// With stable power the device ends with one credential, the newest it was given, and no key but that one's.
fn settles<P: Part>(mut life: Life<P>) {
    let generation = life.renew().unwrap();
    assert_eq!(life.server.valid, [generation].into());
    assert_eq!(life.keys(), [generation].into(), "keys of others are left");
    let store = life.boot().unwrap();
    assert_eq!(store.trial(), None);
    assert!(!store.has_request());
}

/// Every first cut, and behind each the second cuts that `second` picks.
fn every_cut<P: Part>(seeds: u64, second: impl Fn(u64) -> bool) -> BTreeSet<String> {
    // What looks for faults in the store itself has found them after one cut.
    let only_once = std::env::var_os("COUNTERSIGN_CUTS").is_some_and(|cuts| cuts == "once");
    let mut states = BTreeSet::new();
    for seed in 0..seeds {
        // A factory's image is replaced at first, and then one that the store has written, in the other slot.
        let first_life = Life::<P>::new(seed);
        let mut second_life = first_life.clone();
        second_life.renew().unwrap();
        let refused = [&first_life, &second_life].map(|life| {
            let mut life = life.clone();
            life.refuse_next();
            life
        });
        for start in [first_life, second_life].into_iter().chain(refused) {
            let mut tried = 0_u64;
            'first: for pair in cuts(|_| true) {
                for first in pair {
                    let mut once = start.clone();
                    if !first.tried_on(&mut once) {
                        break 'first;
                    }
                    tried += 1;
                    states.insert(state(&mut once.clone()));
                    let seconds = if only_once { None } else { Some(cuts(&second)) };
                    'second: for pair in seconds.into_iter().flatten() {
                        for again in pair {
                            let mut twice = once.clone();
                            if !again.tried_on(&mut twice) {
                                break 'second;
                            }
                            states.insert(state(&mut twice.clone()));
                            settles(twice);
                        }
                    }
                    settles(once);
                }
            }
            // A renewal has three erasures, and a program operation for each record at the least.
            assert!(tried >= 20, "only {tried} cuts");
        }
    }
    states
}

fn has_states(states: &BTreeSet<String>, at_least: usize) {
    println!("{} states after a boot:", states.len());
    states.iter().for_each(|state| println!("  {state}"));
    assert!(states.len() >= at_least, "only {} states were reached: {states:#?}", states.len());
}

#[test]
fn pages_of_256_bytes_that_may_be_programmed_again() {
    has_states(&every_cut::<W25q16jv>(1, |_| true), 10);
}

#[test]
fn words_that_may_be_programmed_twice() {
    has_states(&every_cut::<Nrf52840>(1, |operation| operation.is_multiple_of(97)), 10);
}

#[test]
fn sectors_of_16_kib() {
    has_states(&every_cut::<Stm32f405>(1, |operation| operation.is_multiple_of(197)), 10);
}

#[test]
fn double_words_with_a_code_in_pages_of_half_a_slot() {
    has_states(&every_cut::<Stm32l476>(1, |operation| operation.is_multiple_of(41)), 10);
}

#[test]
fn quad_words_with_a_code_in_pages_of_two_slots() {
    has_states(&every_cut::<Stm32u575>(1, |operation| operation.is_multiple_of(13)), 10);
}
