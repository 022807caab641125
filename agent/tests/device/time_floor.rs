//! The time floor in flash, with power cuts at every operation.

use countersign_agent::platform::{NorFlash, ReadNorFlash};
use countersign_agent::time_floor::TimeFloor;
use embedded_storage_async::nor_flash::{ErrorType, NorFlashErrorKind};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::replay::block_on;

const HOUR: u64 = 60 * 60;
const BLOCK: usize = 64;

/// Two blocks of four records, and a supply that fails.
struct Flash {
    bytes: [u8; 2 * BLOCK],
    /// Writes and erasures until the power is gone in the midst of one.
    power: u32,
    random: StdRng,
}

impl Flash {
    fn new(seed: u64) -> Self {
        Self { bytes: [0xFF; 2 * BLOCK], power: u32::MAX, random: StdRng::seed_from_u64(seed) }
    }

    /// Whether this operation still has power; the one that has not is half done.
    fn has_power(&mut self) -> Result<bool, NorFlashErrorKind> {
        let left = self.power.checked_sub(1).ok_or(NorFlashErrorKind::Other)?;
        self.power = left;
        Ok(left > 0)
    }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        into.copy_from_slice(&self.bytes[offset as usize..][..into.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        2 * BLOCK
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = BLOCK;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        assert!((from as usize).is_multiple_of(BLOCK) && to as usize == from as usize + BLOCK);
        let has_power = self.has_power()?;
        for byte in &mut self.bytes[from as usize..to as usize] {
            // A block that was being erased holds anything between what it held and nothing.
            *byte |= if has_power { 0xFF } else { self.random.random() };
        }
        if has_power { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }

    async fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), NorFlashErrorKind> {
        assert!((offset as usize).is_multiple_of(8) && from.len().is_multiple_of(8));
        let has_power = self.has_power()?;
        for (cell, byte) in self.bytes[offset as usize..].iter_mut().zip(from) {
            assert_eq!(*cell & byte, *byte, "written to a place that is not erased");
            *cell &= byte | if has_power { 0 } else { self.random.random::<u8>() };
        }
        if has_power { Ok(()) } else { Err(NorFlashErrorKind::Other) }
    }
}

fn load(flash: &mut Flash, at_least: u64) -> TimeFloor {
    block_on(TimeFloor::load(flash, at_least)).unwrap()
}

#[test]
fn the_floor_rises_never_falls_and_survives_a_reboot() {
    let mut flash = Flash::new(0);
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
    let mut flash = Flash::new(0);
    let mut floor = load(&mut flash, 0);
    block_on(floor.raise(&mut flash, 10 * HOUR)).unwrap();
    flash.power = 0;
    block_on(floor.raise(&mut flash, 11 * HOUR - 1)).unwrap();
    assert_eq!(floor.value(), 11 * HOUR - 1);
    assert_eq!(load(&mut flash, 0).value(), 10 * HOUR);
    block_on(floor.raise(&mut flash, 11 * HOUR)).unwrap_err();
    // A value that could not be written holds until the reboot.
    assert_eq!(floor.value(), 11 * HOUR);
}

#[test]
fn a_cut_at_any_operation_costs_no_more_than_the_value_that_was_being_written() {
    for seed in 0..2000 {
        let mut flash = Flash::new(seed);
        let mut kept = 0;
        let mut tried = 0;
        // Boots with so little power that blocks fill, and recoveries are cut too.
        for _ in 0..60 {
            flash.power = flash.random.random_range(1..6);
            let mut floor = load(&mut flash, 0);
            let value = floor.value();
            assert!(kept <= value && value <= tried, "{seed}: {kept} <= {value} <= {tried}");
            kept = value;
            loop {
                tried = floor.value() + HOUR;
                match block_on(floor.raise(&mut flash, tried)) {
                    Ok(()) => kept = tried,
                    Err(_) => break,
                }
            }
        }
        // With stable power it works as usual.
        flash.power = u32::MAX;
        let mut floor = load(&mut flash, 0);
        for _ in 0..20 {
            let next = floor.value() + HOUR;
            block_on(floor.raise(&mut flash, next)).unwrap();
            assert_eq!(load(&mut flash, 0).value(), next, "{seed}");
        }
    }
}

#[test]
fn flash_that_was_never_erased_is_no_floor() {
    for seed in 0..200 {
        let mut flash = Flash::new(seed);
        let random: [u8; 2 * BLOCK] = std::array::from_fn(|_| flash.random.random());
        flash.bytes = random;
        let mut floor = load(&mut flash, 7);
        assert_eq!(floor.value(), 7);
        block_on(floor.raise(&mut flash, 9 * HOUR)).unwrap();
        assert_eq!(load(&mut flash, 7).value(), 9 * HOUR);
    }
}
