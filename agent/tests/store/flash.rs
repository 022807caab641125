//! The flash that the store is tried with does what data sheets say, and no more.

use countersign_agent::platform::host::part::{Nrf52840, Part, Stm32l476, Stm32u575, W25q16jv};
use countersign_agent::platform::host::{FlashFault, NorFlashModel};
use countersign_agent::platform::{NorFlash, ReadNorFlash};

use crate::block_on;

fn read<P: Part>(flash: &mut NorFlashModel<P>, at: u32) -> Result<[u8; 16], FlashFault> {
    let mut bytes = [0; 16];
    block_on(flash.read(at, &mut bytes)).map(|()| bytes)
}

#[test]
fn programming_clears_bits_and_sets_none() {
    let mut flash = NorFlashModel::<W25q16jv>::new(1);
    assert_eq!(read(&mut flash, 0), Ok([0xFF; 16]));
    block_on(flash.write(0, &[0xF0])).unwrap();
    block_on(flash.write(0, &[0x3F])).unwrap();
    assert_eq!(read(&mut flash, 0).unwrap()[..2], [0x30, 0xFF]);
    block_on(flash.erase(0, 4096)).unwrap();
    assert_eq!(read(&mut flash, 0), Ok([0xFF; 16]));
}

#[test]
fn a_unit_is_programmed_so_often_and_no_oftener() {
    let mut twice = NorFlashModel::<Nrf52840>::new(1);
    assert_eq!(block_on(twice.write(8, &[0; 4])), Ok(()));
    assert_eq!(block_on(twice.write(8, &[0; 4])), Ok(()));
    assert_eq!(block_on(twice.write(8, &[0; 4])), Err(FlashFault::ProgrammedBefore { offset: 8 }));
    let mut once = NorFlashModel::<Stm32l476>::new(2);
    assert_eq!(block_on(once.write(8, &[0; 8])), Ok(()));
    assert_eq!(block_on(once.write(8, &[0; 8])), Err(FlashFault::ProgrammedBefore { offset: 8 }));
    block_on(once.erase(0, 2048)).unwrap();
    assert_eq!(block_on(once.write(8, &[0; 8])), Ok(()));
    assert_eq!(once.erasures(), [1, 0]);
}

#[test]
fn ranges_begin_and_end_where_units_do() {
    let mut flash = NorFlashModel::<Stm32u575>::new(1);
    assert_eq!(block_on(flash.write(8, &[0; 16])), Err(FlashFault::NotAligned));
    assert_eq!(block_on(flash.write(0, &[0; 8])), Err(FlashFault::NotAligned));
    assert_eq!(block_on(flash.erase(0, 4096)), Err(FlashFault::NotAligned));
    assert_eq!(block_on(flash.erase(0, 16_384)), Err(FlashFault::OutOfBounds));
    assert_eq!(block_on(flash.write(8192, &[0; 16])), Err(FlashFault::OutOfBounds));
    assert_eq!(block_on(flash.read(8180, &mut [0; 16])), Err(FlashFault::OutOfBounds));
    assert_eq!(flash.operations(), 0);
}

#[test]
fn a_cut_comes_when_it_is_due_and_nothing_comes_after_it() {
    let mut flash = NorFlashModel::<Nrf52840>::new(1);
    flash.cut_after(2);
    assert_eq!(block_on(flash.write(0, &[0; 16])), Err(FlashFault::PowerIsOff));
    assert_eq!(flash.operations(), 3);
    assert_eq!(block_on(flash.write(32, &[0; 4])), Err(FlashFault::PowerIsOff));
    assert_eq!(block_on(flash.erase(0, 4096)), Err(FlashFault::PowerIsOff));
    assert_eq!(read(&mut flash, 0), Err(FlashFault::PowerIsOff));
    flash.power_on();
    let bytes = read(&mut flash, 0).unwrap();
    assert_eq!((&bytes[..8], &bytes[12..]), (&[0; 8][..], &[0xFF; 4][..]));
}

/// Of a hundred words and a hundred pages that are torn, some are whole, some untouched, and some neither; and some read
/// differently from one time to the next.
#[test]
fn a_cut_leaves_everything_between_nothing_and_all() {
    let (mut whole, mut untouched, mut between, mut weak) = (0, 0, 0, 0);
    let mut judge = |flash: &mut NorFlashModel<W25q16jv>, done: u8, not: u8| {
        let first = read(flash, 0).unwrap();
        match first {
            _ if first == [done; 16] => whole += 1,
            _ if first == [not; 16] => untouched += 1,
            _ => between += 1,
        }
        weak += u32::from((0..8).any(|_| read(flash, 0).unwrap() != first));
    };
    for seed in 0..100 {
        let mut flash = NorFlashModel::<W25q16jv>::seeded(1, seed);
        flash.cut_after(0);
        let _ = block_on(flash.write(0, &[0; 16]));
        flash.power_on();
        judge(&mut flash, 0, 0xFF);
        let mut flash = NorFlashModel::<W25q16jv>::seeded(1, seed);
        block_on(flash.write(0, &[0; 16])).unwrap();
        flash.cut_after(0);
        let _ = block_on(flash.erase(0, 4096));
        flash.power_on();
        judge(&mut flash, 0xFF, 0);
        block_on(flash.erase(0, 4096)).unwrap();
        assert_eq!(
            [(); 4].map(|()| read(&mut flash, 0)),
            [Ok([0xFF; 16]); 4],
            "erased, and no doubt is left"
        );
    }
    println!("whole {whole}, untouched {untouched}, between {between}, weak {weak}");
    assert!(untouched > 0 && between > 50 && weak > 50, "{whole} {untouched} {between} {weak}");
}

#[test]
fn a_code_that_does_not_hold_is_an_error_now_and_then() {
    let mut flash = NorFlashModel::<Stm32u575>::seeded(1, 1);
    flash.cut_after(0);
    let _ = block_on(flash.write(16, &[0; 16]));
    flash.power_on();
    let reads: Vec<_> = (0..20).map(|_| read(&mut flash, 16)).collect();
    assert!(reads.iter().any(Result::is_ok));
    assert!(reads.contains(&Err(FlashFault::Uncorrectable { offset: 16 })));
    assert_eq!(read(&mut flash, 32), Ok([0xFF; 16]));
}
