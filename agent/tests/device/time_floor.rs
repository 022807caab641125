//! The time floor in flash, with power cuts at every operation.

use countersign_agent::platform::host::NorFlashModel;
use countersign_agent::platform::host::part::Part;
use countersign_agent::time_floor::TimeFloor;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::replay::block_on;

const HOUR: u64 = 60 * 60;
const BLOCK: usize = 64;

/// Blocks of four records, so that they fill.
#[derive(Clone)]
struct Small;

impl Part for Small {
    const READ_SIZE: usize = 4;
    const PROGRAM_SIZE: usize = 8;
    const ERASE_SIZE: usize = BLOCK;
    const PROGRAMS: u32 = 1;
    const ECC: bool = false;
}

/// The same with a code over each unit.
#[derive(Clone)]
struct Coded;

impl Part for Coded {
    const READ_SIZE: usize = 4;
    const PROGRAM_SIZE: usize = 16;
    const ERASE_SIZE: usize = BLOCK;
    const PROGRAMS: u32 = 1;
    const ECC: bool = true;
}

type Flash = NorFlashModel<Small>;

fn load<P: Part>(flash: &mut NorFlashModel<P>, at_least: u64) -> TimeFloor {
    block_on(TimeFloor::load(flash, at_least)).unwrap()
}

#[test]
fn the_floor_rises_never_falls_and_survives_a_reboot() {
    let mut flash = Flash::new(2);
    let mut floor = load(&mut flash, 1000);
    assert_eq!(floor.value(), 1000);
    for (time, expected) in [(500, 1000), (9000, 9000), (8000, 9000), (20_000, 20_000)] {
        block_on(floor.raise(&mut flash, time)).unwrap();
        assert_eq!(floor.value(), expected);
    }
    assert_eq!(load(&mut flash, 0).value(), 20_000);
    // The floor of a newer image is higher.
    assert_eq!(load(&mut flash, 30_000).value(), 30_000);
}

#[test]
fn a_step_of_less_than_an_hour_is_not_written() {
    let mut flash = Flash::new(2);
    let mut floor = load(&mut flash, 0);
    block_on(floor.raise(&mut flash, 10 * HOUR)).unwrap();
    flash.cut_after(0);
    block_on(floor.raise(&mut flash, 11 * HOUR - 1)).unwrap();
    assert_eq!(floor.value(), 11 * HOUR - 1);
    block_on(floor.raise(&mut flash, 11 * HOUR)).unwrap_err();
    // A value that could not be written holds until the reboot.
    assert_eq!(floor.value(), 11 * HOUR);
}

/// Boots with so little power that blocks fill, and recoveries are cut too.
fn many_cuts<P: Part>(seed: u64) {
    let mut flash = NorFlashModel::<P>::seeded(2, seed);
    let mut random = StdRng::seed_from_u64(seed);
    let (mut kept, mut tried) = (0, 0);
    for _ in 0..60 {
        let mut floor = load(&mut flash, 0);
        let value = floor.value();
        assert!(kept <= value && value <= tried, "{seed}: {kept} <= {value} <= {tried}");
        // One record at least is whole in each block. A block of records that were all torn, one boot after the other,
        // may be taken for one that keeps the floor, and the other be erased.
        flash.cut_after(random.random_range(1..6));
        loop {
            let next = floor.value() + HOUR;
            tried = tried.max(next);
            match block_on(floor.raise(&mut flash, next)) {
                Ok(()) => kept = next,
                Err(_) if flash.is_off() => break,
                Err(error) => panic!("{seed}: {error}"),
            }
        }
        flash.power_on();
    }
    // With stable power it works as usual.
    let mut floor = load(&mut flash, 0);
    for _ in 0..20 {
        let next = floor.value() + HOUR;
        block_on(floor.raise(&mut flash, next)).unwrap();
        assert_eq!(load(&mut flash, 0).value(), next, "{seed}");
    }
}

#[test]
fn a_cut_at_any_operation_costs_no_more_than_the_value_that_was_being_written() {
    (0..2000).for_each(many_cuts::<Small>);
}

#[test]
fn a_record_that_cannot_be_read_is_none() {
    (0..2000).for_each(many_cuts::<Coded>);
}

#[test]
fn flash_that_was_never_erased_is_no_floor() {
    for seed in 0..200 {
        let mut flash = Flash::new(2);
        let mut random = StdRng::seed_from_u64(seed);
        let garbage: [u8; 2 * BLOCK] = std::array::from_fn(|_| random.random());
        flash.flash(0, &garbage);
        let mut floor = load(&mut flash, 7);
        assert_eq!(floor.value(), 7);
        block_on(floor.raise(&mut flash, 9 * HOUR)).unwrap();
        assert_eq!(load(&mut flash, 7).value(), 9 * HOUR);
    }
}
