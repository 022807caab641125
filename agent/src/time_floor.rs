//! The time floor: a moment that is certainly past, kept in flash, for boards whose clock starts at zero.
//!
//! It only rises, and only to the time of an authenticated broker, up to the notAfter of that broker's certificate. A
//! device with nothing but a floor refuses certificates that expired before it, whatever time it is told.

use embedded_storage_async::nor_flash::NorFlash;

use crate::flash_record;

/// A record holds Unix seconds.
const RECORD_LEN: u32 = flash_record::LEN as u32;

/// A floor that rises by less than this is not written: an hour costs little trust, and flash wears.
const STEP: u64 = 60 * 60;

/// How often a record is read: one with a single bit in between passes one time in 65,536.
const READS: u32 = 16;

/// What one place holds.
enum Place {
    Erased,
    Record(u64),
    Torn,
}

/// The kept floor of one device, in two erase blocks from the start of `flash`.
///
/// Records are appended to one block; when it is full, the other one is erased and goes on. A cut at any moment leaves
/// the last value, or the one that was being written; a record that a cut has left between two contents may count at one
/// boot and not at the next, so that each is read several times; one that reads differently, or cannot be read at all
/// (error-correcting codes), is none. What no value survives is a cut in every single write of a whole block.
#[derive(Debug)]
pub struct TimeFloor {
    value: u64,
    kept: u64,
    /// Where the last record is, if there is one.
    block: u32,
    /// The first place behind the last record or its remains, in bytes from the start of `block`.
    free: u32,
}

impl TimeFloor {
    /// Reads what is kept; `at_least` is what is known anyway, such as the image's floor. Unix seconds.
    ///
    /// # Errors
    /// The flash's, if no record can be read at all.
    pub async fn load<F: NorFlash>(flash: &mut F, at_least: u64) -> Result<Self, F::Error> {
        const {
            assert!((RECORD_LEN as usize).is_multiple_of(F::WRITE_SIZE), "records are not whole writes");
            assert!((RECORD_LEN as usize).is_multiple_of(F::READ_SIZE), "records are not whole reads");
        };
        let block_len = Self::block_len::<F>();
        let mut floor = Self { value: at_least, kept: 0, block: 0, free: 0 };
        let (mut readable, mut failed) = (false, None);
        for block in [0, 1] {
            let (mut highest, mut free) = (0, 0);
            for at in Self::places(block_len) {
                let place = read_place(flash, block * block_len + at).await;
                match place {
                    Ok(Place::Erased) => {}
                    Ok(Place::Record(value)) => (highest, free) = (highest.max(value), at + RECORD_LEN),
                    Ok(Place::Torn) | Err(_) => free = at + RECORD_LEN,
                }
                match place {
                    Ok(_) => readable = true,
                    Err(error) => failed = Some(error),
                }
            }
            // At the start neither block has a record, and whatever the first one holds has to be erased or passed. Of
            // two that end with the same value, the one with room was written later: the other's may have been torn.
            let later = highest > floor.kept || highest == floor.kept && highest > 0 && free < floor.free;
            if later || block == 0 {
                floor = Self { value: floor.value, kept: highest, block, free };
            }
        }
        floor.value = floor.value.max(floor.kept);
        match failed {
            Some(error) if !readable => Err(error),
            _ => Ok(floor),
        }
    }

    /// A moment that is past, Unix seconds.
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// Raises the floor to `time`, and keeps it if that is worth a write. Lower is no change.
    ///
    /// An error is one of the flash; the floor has risen all the same, until the next boot.
    pub async fn raise<F: NorFlash>(&mut self, flash: &mut F, time: u64) -> Result<(), F::Error> {
        self.value = self.value.max(time);
        if self.value < self.kept.saturating_add(STEP) {
            return Ok(());
        }
        let block_len = Self::block_len::<F>();
        if !Self::places(block_len).any(|at| at == self.free) {
            self.block = 1 - self.block;
            flash.erase(self.block * block_len, (self.block + 1) * block_len).await?;
            self.free = 0;
        }
        let at = self.block * block_len + self.free;
        // The place is used up even if the write fails.
        self.free += RECORD_LEN;
        flash.write(at, &flash_record::encode(self.value.to_le_bytes())).await?;
        self.kept = self.value;
        Ok(())
    }

    fn block_len<F: NorFlash>() -> u32 {
        u32::try_from(F::ERASE_SIZE).unwrap_or(u32::MAX / 2)
    }

    fn places(block_len: u32) -> impl Iterator<Item = u32> {
        (0..block_len / RECORD_LEN).map(|index| index * RECORD_LEN)
    }
}

/// Reads the place at `at`, in bytes from the start of the flash, until it is known to hold what it seems to hold.
async fn read_place<F: NorFlash>(flash: &mut F, at: u32) -> Result<Place, F::Error> {
    let mut first = [0; flash_record::LEN];
    flash.read(at, &mut first).await?;
    for _ in 1..READS {
        let mut again = [0; flash_record::LEN];
        flash.read(at, &mut again).await?;
        if again != first {
            return Ok(Place::Torn);
        }
    }
    Ok(match flash_record::decode(&first) {
        Some(seconds) => Place::Record(u64::from_le_bytes(seconds)),
        None if first == flash_record::ERASED => Place::Erased,
        None => Place::Torn,
    })
}
