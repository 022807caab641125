//! The time floor: a moment that is certainly past, kept in flash, for boards whose clock starts at zero.
//!
//! It only rises, and only to the time of an authenticated broker, up to the notAfter of that broker's certificate. A
//! device with nothing but a floor refuses certificates that expired before it, whatever time it is told.

use embedded_storage_async::nor_flash::NorFlash;

/// Unix seconds and their complement: what a power cut leaves of one is no record.
const RECORD_LEN: u32 = 16;

/// A floor that rises by less than this is not written: an hour costs little trust, and flash wears.
const STEP: u64 = 60 * 60;

/// The kept floor of one device, in two erase blocks from the start of `flash`.
///
/// Records are appended to one block; when it is full, the other one is erased and goes on. A cut at any moment leaves
/// the last value, or the one that was being written.
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
    pub async fn load<F: NorFlash>(flash: &mut F, at_least: u64) -> Result<Self, F::Error> {
        const {
            assert!((RECORD_LEN as usize).is_multiple_of(F::WRITE_SIZE), "records are not whole writes");
            assert!((RECORD_LEN as usize).is_multiple_of(F::READ_SIZE), "records are not whole reads");
        };
        let block_len = Self::block_len::<F>();
        let mut floor = Self { value: at_least, kept: 0, block: 0, free: 0 };
        for block in [0, 1] {
            let (mut highest, mut free) = (0, 0);
            for at in Self::places(block_len) {
                let mut record = [0; RECORD_LEN as usize];
                flash.read(block * block_len + at, &mut record).await?;
                if record != [0xFF; RECORD_LEN as usize] {
                    free = at + RECORD_LEN;
                }
                highest = highest.max(decode(&record).unwrap_or_default());
            }
            // At the start neither block has a record, and whatever the first one holds has to be erased or passed.
            if highest > floor.kept || block == 0 {
                floor = Self { value: floor.value, kept: highest, block, free };
            }
        }
        floor.value = floor.value.max(floor.kept);
        Ok(floor)
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
        flash.write(at, &encode(self.value)).await?;
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

fn encode(seconds: u64) -> [u8; RECORD_LEN as usize] {
    let mut record = [0; RECORD_LEN as usize];
    let (value, complement) = record.split_at_mut(8);
    value.copy_from_slice(&seconds.to_le_bytes());
    complement.copy_from_slice(&(!seconds).to_le_bytes());
    record
}

fn decode(record: &[u8; RECORD_LEN as usize]) -> Option<u64> {
    let (value, complement) = record.split_first_chunk::<8>()?;
    let value = u64::from_le_bytes(*value);
    let complement = u64::from_le_bytes(complement.try_into().ok()?);
    (value == !complement).then_some(value)
}
