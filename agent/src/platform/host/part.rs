//! What data sheets say of flash: the sizes of its units, how often one may be programmed, and what it does with bits
//! that are in between.

/// One kind of flash, as its data sheet describes it.
pub trait Part: Clone {
    /// The shortest read, in bytes.
    const READ_SIZE: usize = 1;
    /// What is programmed at once, in bytes: a multiple of the shortest write, and what a power cut tears.
    const PROGRAM_SIZE: usize;
    /// The shortest write, in bytes.
    const WRITE_SIZE: usize = Self::PROGRAM_SIZE;
    /// What is erased at once, in bytes.
    const ERASE_SIZE: usize;
    /// How often a unit may be programmed until it is erased again.
    const PROGRAMS: u32;
    /// Whether each unit has an error-correcting code, so that a unit that was torn may not be readable at all.
    const ECC: bool;
}

/// nRF52840 (Product Specification, NVMC): words that may be written twice.
#[derive(Clone, Copy, Debug)]
pub struct Nrf52840;

impl Part for Nrf52840 {
    const PROGRAM_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;
    const PROGRAMS: u32 = 2;
    const ECC: bool = false;
}

/// W25Q16JV, the flash beside most RP2040 (data sheet, Page Program): pages of 256 bytes, of which any part
/// may be programmed, as often as wanted.
#[derive(Clone, Copy, Debug)]
pub struct W25q16jv;

impl Part for W25q16jv {
    const PROGRAM_SIZE: usize = 256;
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 4096;
    const PROGRAMS: u32 = u32::MAX;
    const ECC: bool = false;
}

/// STM32F405 (RM0090, PSIZE ×32): sectors of 16 KiB at its start, no code over words.
#[derive(Clone, Copy, Debug)]
pub struct Stm32f405;

impl Part for Stm32f405 {
    const PROGRAM_SIZE: usize = 4;
    const ERASE_SIZE: usize = 16 * 1024;
    const PROGRAMS: u32 = u32::MAX;
    const ECC: bool = false;
}

/// STM32L476 (RM0351): double words with a code of 8 bits, programmed once, in pages of half a slot.
#[derive(Clone, Copy, Debug)]
pub struct Stm32l476;

impl Part for Stm32l476 {
    const PROGRAM_SIZE: usize = 8;
    const ERASE_SIZE: usize = 2048;
    const PROGRAMS: u32 = 1;
    const ECC: bool = true;
}

/// STM32U575 (RM0456): quad-words with a code, programmed once, in pages of two slots.
#[derive(Clone, Copy, Debug)]
pub struct Stm32u575;

impl Part for Stm32u575 {
    const PROGRAM_SIZE: usize = 16;
    const ERASE_SIZE: usize = 8192;
    const PROGRAMS: u32 = 1;
    const ECC: bool = true;
}
