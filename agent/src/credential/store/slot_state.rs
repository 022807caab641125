//! The last 64 bytes of a slot: what became of it, in records that are programmed once each.
//!
//! ```text
//! offset  length
//!      0      16  opened: what the slot is going to hold, and its sequence; written before the body
//!     16      16  committed: the body is whole; written after it
//!     32      16  trials: a place for each, of 4 bytes or a program unit; written before the trial
//!     48      16  confirmed: the broker has the device's confirmation
//! ```
//!
//! Nothing is rewritten: parts with an error-correcting code program a unit once. A record is its kind, the sequence,
//! and the complement of both, so that what a power cut leaves of one is none. A later record implies those before it:
//! one whose bits read differently from time to time does not undo what followed it.

use embedded_storage_async::nor_flash::NorFlash;

use device_identity::image::MAX_LEN;

use crate::flash_record;

/// The length of a record, and the longest program unit that the store can live with.
pub(super) const RECORD_LEN: usize = flash_record::LEN;

const OPENED: u32 = MAX_LEN as u32;
const COMMITTED: u32 = OPENED + 16;
const TRIALS: u32 = COMMITTED + 16;
const CONFIRMED: u32 = TRIALS + 16;

/// What a slot is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A key that a certificate has been asked for.
    Request,
    /// A whole credential image.
    Image,
}

impl Purpose {
    const fn kind(self) -> [u8; 4] {
        match self {
            Self::Request => *b"RQST",
            Self::Image => *b"IMAG",
        }
    }
}

/// What the records of a slot say. Whether its body is whole is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    /// Nothing was written: a factory image, or an erased slot.
    Erased,
    /// A key, and what was asked for it.
    Requested { sequence: u32 },
    /// An image that has not been proven, after so many trials.
    Staged { sequence: u32, trials: u8 },
    /// An image that the broker has taken.
    Confirmed { sequence: u32 },
    /// What a cut has left, or anything else.
    Torn,
}

/// What one record reads as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Erased,
    Written { kind: [u8; 4], sequence: u32 },
    Torn,
}

/// Reads the records of the slot at `start`. A record that cannot be read is torn.
pub(super) async fn read<F: NorFlash>(flash: &mut F, start: u32) -> SlotState {
    let opened = read_record(flash, start + OPENED).await;
    let committed = read_record(flash, start + COMMITTED).await;
    let confirmed = read_record(flash, start + CONFIRMED).await;
    let trials = read_trials(flash, start + TRIALS).await;
    let (kind, sequence) = match opened {
        Reading::Erased => {
            let untouched = [committed, confirmed].iter().all(|&record| record == Reading::Erased);
            return if untouched && trials == 0 { SlotState::Erased } else { SlotState::Torn };
        }
        Reading::Torn => return SlotState::Torn,
        Reading::Written { kind, sequence } => (kind, sequence),
    };
    let is = |record, kind: &[u8; 4]| record == Reading::Written { kind: *kind, sequence };
    let (committed, confirmed) = (is(committed, b"CMIT"), is(confirmed, b"CONF"));
    if kind == Purpose::Request.kind() && committed {
        SlotState::Requested { sequence }
    } else if kind == Purpose::Image.kind() && confirmed {
        SlotState::Confirmed { sequence }
    } else if kind == Purpose::Image.kind() && (committed || trials > 0) {
        SlotState::Staged { sequence, trials }
    } else {
        SlotState::Torn
    }
}

/// Says what the slot at `start` is going to hold. It must be erased.
pub(super) async fn open<F: NorFlash>(
    flash: &mut F,
    start: u32,
    purpose: Purpose,
    sequence: u32,
) -> Result<(), F::Error> {
    flash.write(start + OPENED, &record(purpose.kind(), sequence)).await
}

/// Says that the body is whole.
pub(super) async fn commit<F: NorFlash>(flash: &mut F, start: u32, sequence: u32) -> Result<(), F::Error> {
    flash.write(start + COMMITTED, &record(*b"CMIT", sequence)).await
}

/// Counts a trial, the `number`th from 0. Beyond [`places`] nothing is written.
pub(super) async fn count_trial<F: NorFlash>(flash: &mut F, start: u32, number: u8) -> Result<(), F::Error> {
    let place = place_len::<F>();
    let at = usize::from(number) * place;
    match [0; RECORD_LEN].get(at..at + place) {
        Some(mark) => flash.write(start + TRIALS + u32::from(number) * place as u32, mark).await,
        None => Ok(()),
    }
}

/// Says that the broker has taken the credential.
pub(super) async fn confirm<F: NorFlash>(flash: &mut F, start: u32, sequence: u32) -> Result<(), F::Error> {
    flash.write(start + CONFIRMED, &record(*b"CONF", sequence)).await
}

/// How many trials can be counted: 4 with words, 1 with the longest unit.
pub(super) const fn places<F: NorFlash>() -> u8 {
    (RECORD_LEN / place_len::<F>()) as u8
}

const fn place_len<F: NorFlash>() -> usize {
    if F::WRITE_SIZE > 4 { F::WRITE_SIZE } else { 4 }
}

fn record(kind: [u8; 4], sequence: u32) -> [u8; RECORD_LEN] {
    let [k0, k1, k2, k3] = kind;
    let [s0, s1, s2, s3] = sequence.to_le_bytes();
    flash_record::encode([k0, k1, k2, k3, s0, s1, s2, s3])
}

async fn read_record<F: NorFlash>(flash: &mut F, at: u32) -> Reading {
    let mut bytes = flash_record::ERASED;
    if flash.read(at, &mut bytes).await.is_err() {
        return Reading::Torn;
    }
    match flash_record::decode(&bytes) {
        Some([k0, k1, k2, k3, s0, s1, s2, s3]) => {
            Reading::Written { kind: [k0, k1, k2, k3], sequence: u32::from_le_bytes([s0, s1, s2, s3]) }
        }
        None if bytes == flash_record::ERASED => Reading::Erased,
        None => Reading::Torn,
    }
}

/// How many trials have begun. A place that is not erased counts, whatever a cut has left of it.
async fn read_trials<F: NorFlash>(flash: &mut F, at: u32) -> u8 {
    let mut begun = 0;
    for number in 0..places::<F>() {
        let mut place = flash_record::ERASED;
        let Some(place) = place.get_mut(..place_len::<F>()) else { break };
        let read = flash.read(at + u32::from(number) * place.len() as u32, place).await;
        if read.is_err() || place.iter().any(|&byte| byte != 0xFF) {
            begun = number + 1;
        }
    }
    begun
}
