//! NOR flash in memory, as it is and not as one would like it: an erased byte is 0xFF, programming clears bits and sets
//! none, units may be programmed so often and no oftener, and a power cut leaves bits that are neither.
//!
//! What a cut does:
//! - a unit that was being programmed has some of its bits, or all of them, or none;
//! - a page that was being erased likewise, each bit on its own;
//! - a bit that was under way may be *weak*: it reads differently from one time to the next, until its page is erased
//!   as a whole. So a page may read as erased and not be;
//! - with an error-correcting code, a unit that was torn may fail to be read, each time anew.

use core::marker::PhantomData;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::part::Part;

/// Why the flash does not do what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlashFault {
    /// There is no power, since the operation it was cut in.
    #[error("the power is off")]
    PowerIsOff,
    /// The range is not within the flash.
    #[error("out of the flash's bounds")]
    OutOfBounds,
    /// The range does not begin and end where units do.
    #[error("not aligned to what the flash writes or erases at once")]
    NotAligned,
    /// The unit was programmed as often as it may be.
    #[error("the unit at {offset:#x} may not be programmed again before its page is erased")]
    ProgrammedBefore {
        /// Where, in bytes from the start.
        offset: u32,
    },
    /// More bits are wrong than the code of the unit can set right.
    #[error("the unit at {offset:#x} cannot be read: its error-correcting code does not hold")]
    Uncorrectable {
        /// Where, in bytes from the start.
        offset: u32,
    },
}

impl NorFlashError for FlashFault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::PowerIsOff | Self::ProgrammedBefore { .. } | Self::Uncorrectable { .. } => {
                NorFlashErrorKind::Other
            }
        }
    }
}

/// What is left until the power goes.
#[derive(Clone, Copy, Debug)]
enum Power {
    On,
    /// So many more operations are completed, and the next one is torn, or not begun.
    CutAfter {
        operations: u64,
        torn: bool,
    },
    Off,
}

/// A unit that is programmed at once.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// Since its page was erased.
    programs: u32,
    /// A cut left it between two contents, so that its code may hold for neither.
    torn: bool,
}

/// The flash of one board. The same seed gives the same remains of the same cuts.
#[derive(Clone, Debug)]
pub struct NorFlashModel<P> {
    bytes: Vec<u8>,
    /// Bits that read differently from one time to the next.
    weak: Vec<u8>,
    /// Pages that have such bits.
    doubtful: Vec<bool>,
    units: Vec<Unit>,
    erasures: Vec<u32>,
    operations: u64,
    power: Power,
    seed: u64,
    random: StdRng,
    part: PhantomData<P>,
}

impl<P: Part> NorFlashModel<P> {
    /// `pages` erased pages.
    pub fn new(pages: usize) -> Self {
        Self::seeded(pages, 0)
    }

    /// `pages` erased pages, whose cuts `seed` decides.
    pub fn seeded(pages: usize, seed: u64) -> Self {
        let length = pages * P::ERASE_SIZE;
        Self {
            bytes: vec![0xFF; length],
            weak: vec![0; length],
            doubtful: vec![false; pages],
            units: vec![Unit::default(); length / P::PROGRAM_SIZE],
            erasures: vec![0; pages],
            operations: 0,
            power: Power::On,
            seed,
            random: StdRng::seed_from_u64(seed),
            part: PhantomData,
        }
    }

    /// Puts `bytes` at `offset`, as a programmer does that has erased the pages around it before.
    pub fn flash(&mut self, offset: usize, bytes: &[u8]) {
        let first = offset / P::ERASE_SIZE;
        let pages = (offset + bytes.len()).div_ceil(P::ERASE_SIZE) - first;
        for page in first..first + pages {
            self.erase_page(page);
        }
        for (place, byte) in self.bytes.iter_mut().skip(offset).zip(bytes) {
            *place = *byte;
        }
        let units = offset / P::PROGRAM_SIZE..(offset + bytes.len()).div_ceil(P::PROGRAM_SIZE);
        for unit in self.units.get_mut(units).unwrap_or_default() {
            unit.programs = 1;
        }
    }

    /// The bytes as they are, without their weak bits' doubt.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The next `operations` are completed, and the one after them is torn: then the power is off. An operation is one
    /// unit that is programmed, or one page that is erased.
    pub const fn cut_after(&mut self, operations: u64) {
        self.power = Power::CutAfter { operations, torn: true };
    }

    /// The next `operations` are completed, and the one after them is not begun.
    pub const fn cut_between(&mut self, operations: u64) {
        self.power = Power::CutAfter { operations, torn: false };
    }

    /// The power is back, and stays.
    pub const fn power_on(&mut self) {
        self.power = Power::On;
    }

    /// Whether a cut has come.
    pub const fn is_off(&self) -> bool {
        matches!(self.power, Power::Off)
    }

    /// Units programmed and pages erased so far, those that were torn included.
    pub const fn operations(&self) -> u64 {
        self.operations
    }

    /// How often each page was erased.
    pub fn erasures(&self) -> &[u32] {
        &self.erasures
    }

    fn range(&self, start: u32, length: usize) -> Result<core::ops::Range<usize>, FlashFault> {
        let start = usize::try_from(start).map_err(|_| FlashFault::OutOfBounds)?;
        let end = start.checked_add(length).filter(|&end| end <= self.bytes.len());
        Ok(start..end.ok_or(FlashFault::OutOfBounds)?)
    }

    /// Counts an operation; whether it is completed.
    fn begin(&mut self) -> Result<bool, FlashFault> {
        match self.power {
            Power::Off => return Err(FlashFault::PowerIsOff),
            Power::On => {}
            Power::CutAfter { operations: 0, torn } => {
                self.power = Power::Off;
                if !torn {
                    return Err(FlashFault::PowerIsOff);
                }
                // Every cut has its own remains, and the same ones however often it is tried.
                self.random = StdRng::seed_from_u64(self.seed ^ self.operations << 16);
            }
            Power::CutAfter { operations, torn } => {
                self.power = Power::CutAfter { operations: operations - 1, torn };
            }
        }
        self.operations += 1;
        Ok(!self.is_off())
    }

    /// Which bits of a byte had changed when the power went, and which of them are in between; from none to all, by
    /// `progress` of 0 to 8.
    fn torn(&mut self, progress: u32) -> (u8, u8) {
        let (mut done, mut weak) = (0, 0);
        if progress == 0 {
            return (done, weak);
        }
        for bit in 0..8 {
            done |= u8::from(self.random.random_ratio(progress, 8)) << bit;
            weak |= u8::from(self.random.random_ratio(1, 4)) << bit;
        }
        (done, weak)
    }

    /// How far an operation had come: one time in nine not at all, one time in nine to the last bit.
    fn progress(&mut self) -> u32 {
        self.random.random_range(0..=8)
    }

    fn doubt(&mut self, page: usize, doubtful: bool) {
        if let Some(doubt) = self.doubtful.get_mut(page) {
            *doubt = doubtful;
        }
    }

    fn erase_page(&mut self, page: usize) {
        let (start, end) = (page * P::ERASE_SIZE, (page + 1) * P::ERASE_SIZE);
        self.bytes.get_mut(start..end).unwrap_or_default().fill(0xFF);
        self.weak.get_mut(start..end).unwrap_or_default().fill(0);
        self.doubt(page, false);
        let units = start / P::PROGRAM_SIZE..end / P::PROGRAM_SIZE;
        self.units.get_mut(units).unwrap_or_default().fill(Unit::default());
    }

    fn tear_page(&mut self, page: usize) {
        let progress = self.progress();
        if progress == 0 {
            return;
        }
        self.doubt(page, true);
        let cells = page * P::ERASE_SIZE..(page + 1) * P::ERASE_SIZE;
        for at in cells.clone() {
            let (done, weak) = self.torn(progress);
            let (Some(byte), Some(doubt)) = (self.bytes.get_mut(at), self.weak.get_mut(at)) else { continue };
            *doubt |= weak & !*byte;
            *byte |= done;
        }
        for unit in
            self.units.get_mut(cells.start / P::PROGRAM_SIZE..cells.end / P::PROGRAM_SIZE).unwrap_or_default()
        {
            // What is erased is known only when all of it is.
            *unit = Unit { programs: unit.programs.max(1), torn: true };
        }
    }

    /// Programs what of `bytes` lies in one unit.
    fn program(&mut self, start: usize, bytes: &[u8]) -> Result<(), FlashFault> {
        let unit = start / P::PROGRAM_SIZE;
        let programs = self.units.get(unit).map_or(0, |unit| unit.programs);
        if programs >= P::PROGRAMS {
            let offset = u32::try_from(start).unwrap_or(u32::MAX);
            return Err(FlashFault::ProgrammedBefore { offset });
        }
        let completed = self.begin()?;
        let progress = if completed { 8 } else { self.progress() };
        if !completed {
            self.doubt(start / P::ERASE_SIZE, true);
        }
        for (at, byte) in (start..).zip(bytes) {
            let (done, weak) = if completed { (0xFF, 0) } else { self.torn(progress) };
            let (Some(cell), Some(doubt)) = (self.bytes.get_mut(at), self.weak.get_mut(at)) else { continue };
            *doubt = if completed { *doubt & byte } else { *doubt | weak & *cell & !byte };
            *cell &= byte | !done;
        }
        if let Some(unit) = self.units.get_mut(unit) {
            let programs = unit.programs + u32::from(progress > 0);
            *unit = Unit { programs, torn: unit.torn || !completed && progress > 0 };
        }
        if completed { Ok(()) } else { Err(FlashFault::PowerIsOff) }
    }
}

impl<P> ErrorType for NorFlashModel<P> {
    type Error = FlashFault;
}

impl<P: Part> ReadNorFlash for NorFlashModel<P> {
    const READ_SIZE: usize = P::READ_SIZE;

    async fn read(&mut self, offset: u32, into: &mut [u8]) -> Result<(), FlashFault> {
        if self.is_off() {
            return Err(FlashFault::PowerIsOff);
        }
        aligned(offset, P::READ_SIZE)?;
        let range = self.range(offset, into.len())?;
        if P::ECC {
            let units = range.start / P::PROGRAM_SIZE..range.end.div_ceil(P::PROGRAM_SIZE);
            for unit in units {
                let torn = self.units.get(unit).is_some_and(|unit| unit.torn);
                if torn && self.random.random_ratio(1, 2) {
                    let offset = u32::try_from(unit * P::PROGRAM_SIZE).unwrap_or(u32::MAX);
                    return Err(FlashFault::Uncorrectable { offset });
                }
            }
        }
        let pages = range.start / P::ERASE_SIZE..range.end.div_ceil(P::ERASE_SIZE);
        let doubtful = self.doubtful.get(pages).is_some_and(|pages| pages.contains(&true));
        let weak = self.weak.get(range.clone()).filter(|_| doubtful).unwrap_or_default();
        into.copy_from_slice(self.bytes.get(range).unwrap_or_default());
        for (byte, weak) in into.iter_mut().zip(weak).filter(|(_, weak)| **weak != 0) {
            *byte ^= weak & self.random.random::<u8>();
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<P: Part> NorFlash for NorFlashModel<P> {
    const WRITE_SIZE: usize = P::WRITE_SIZE;
    const ERASE_SIZE: usize = P::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashFault> {
        aligned(from, P::ERASE_SIZE)?;
        aligned(to, P::ERASE_SIZE)?;
        let length = to.checked_sub(from).and_then(|length| usize::try_from(length).ok());
        let range = self.range(from, length.ok_or(FlashFault::OutOfBounds)?)?;
        for page in range.start / P::ERASE_SIZE..range.end / P::ERASE_SIZE {
            let completed = self.begin()?;
            if let Some(erasures) = self.erasures.get_mut(page) {
                *erasures += 1;
            }
            if !completed {
                self.tear_page(page);
                return Err(FlashFault::PowerIsOff);
            }
            self.erase_page(page);
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, from: &[u8]) -> Result<(), FlashFault> {
        aligned(offset, P::WRITE_SIZE)?;
        if !from.len().is_multiple_of(P::WRITE_SIZE) {
            return Err(FlashFault::NotAligned);
        }
        let range = self.range(offset, from.len())?;
        let (mut start, mut rest) = (range.start, from);
        while !rest.is_empty() {
            let in_unit = P::PROGRAM_SIZE - start % P::PROGRAM_SIZE;
            let (now, later) = rest.split_at(in_unit.min(rest.len()));
            self.program(start, now)?;
            start += now.len();
            rest = later;
        }
        Ok(())
    }
}

fn aligned(offset: u32, size: usize) -> Result<(), FlashFault> {
    let whole = usize::try_from(offset).is_ok_and(|offset| offset.is_multiple_of(size));
    if whole { Ok(()) } else { Err(FlashFault::NotAligned) }
}
