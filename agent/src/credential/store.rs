//! The credentials of a device in flash: the one it lives on, and the one that is to replace it.
//!
//! Two slots, each of [`SLOT_LEN`] bytes at the start of erase blocks of its own. One is *current*. The other goes
//! through
//!
//! ```text
//! empty ──request──▶ requested ──stage──▶ staged ──begin_trial──▶ staged, k trials ──confirm──▶ current
//! ```
//!
//! and at the end the slot that was current is erased, and the key in it. Whenever the power goes, the next boot finds
//! the current credential, whole, or the one that replaces it. What a cut can cost is the step that was under way; a cut
//! while an image is staged costs the key that was asked for, too, and another is asked for.
//!
//! Only a factory writes an image without records (all 0xFF: confirmed, sequence 0), so a slot is opened with a record
//! before anything of its body is written, and erased from its first page, which holds the header of the image, to its
//! last, which holds the records.

mod error;
mod pending_request;
mod slot_state;

use device_identity::image::{Image, MAX_LEN, SLOT_LEN};
use embedded_storage_async::nor_flash::NorFlash;
use zeroize::Zeroizing;

pub use error::{SlotFault, StoreError};
pub use pending_request::PendingRequest;

use crate::x509::Certificate;
use slot_state::{Purpose, RECORD_LEN, SlotState};

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The one at the start, where the factory writes its image.
    First,
    /// The one behind it.
    Second,
}

/// A credential on trial: the broker has yet to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Where it is.
    pub slot: Slot,
    /// How many trials have begun.
    pub begun: u8,
    /// How many can be counted: 4, 2 with program units of 8 bytes, 1 with 16.
    pub countable: u8,
}

/// What a slot holds, checked but for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Nothing(SlotFault),
    Requested {
        sequence: u32,
    },
    Staged {
        sequence: u32,
        trials: u8,
        not_before: u64,
    },
    Confirmed {
        sequence: u32,
        not_before: u64,
    },
    /// Written by a factory, which knows of no sequence.
    Factory {
        not_before: u64,
    },
}

/// What is in the two slots of a device. It holds no key.
#[derive(Debug)]
pub struct CredentialStore {
    /// Of the first slot, in bytes from the start of the flash.
    start: u32,
    /// How many trials a slot has places for.
    countable: u8,
    contents: [Content; 2],
}

impl Slot {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

impl Content {
    const fn sequence(&self) -> u32 {
        match *self {
            Self::Nothing(_) | Self::Factory { .. } => 0,
            Self::Requested { sequence }
            | Self::Staged { sequence, .. }
            | Self::Confirmed { sequence, .. } => sequence,
        }
    }

    /// The notBefore of the image, in Unix seconds, and its sequence.
    const fn image(&self) -> Option<(u64, u32)> {
        match *self {
            Self::Nothing(_) | Self::Requested { .. } => None,
            Self::Staged { not_before, .. }
            | Self::Confirmed { not_before, .. }
            | Self::Factory { not_before } => Some((not_before, self.sequence())),
        }
    }

    const fn is_proven(&self) -> bool {
        matches!(self, Self::Confirmed { .. } | Self::Factory { .. })
    }
}

impl CredentialStore {
    /// Reads the two slots that begin at `start`, in bytes from the start of `flash`, and tidies up what a cut has left.
    /// `room` is for the images that are read meanwhile, and holds a key afterwards.
    ///
    /// # Errors
    /// [`StoreError::NoCredential`] if neither slot has one.
    pub async fn open<F: NorFlash>(
        flash: &mut F,
        start: u32,
        room: &mut [u8; SLOT_LEN],
    ) -> Result<Self, StoreError<F::Error>> {
        let nothing = Content::Nothing(SlotFault::Torn);
        let countable = slot_state::places::<F>();
        let mut store = Self { start, countable, contents: [nothing.clone(), nothing] };
        for slot in [Slot::First, Slot::Second] {
            let content = store.look(flash, slot, room).await;
            *store.content_mut(slot) = content;
        }
        if let Some(loser) = store.loser() {
            // Its key is of no use any more. Where that fails, the next boot does it.
            let _ = store.erase(flash, loser).await;
        }
        match store.current() {
            Some(_) => Ok(store),
            None => Err(StoreError::NoCredential { slots: store.contents.map(|content| content.fault()) }),
        }
    }

    /// The slot of the credential that the device lives on.
    pub fn current(&self) -> Option<Slot> {
        let [first, second] = &self.contents;
        match (first.image(), second.image()) {
            (Some(_), None) => Some(Slot::First),
            (None, Some(_)) => Some(Slot::Second),
            (None, None) => None,
            // Two that are proven are never left (see `loser`). Of two that are not, the one that was there first is
            // what the device lived on when it asked for the other.
            (Some((_, a)), Some((_, b))) => match (first.is_proven(), second.is_proven()) {
                (true, false) => Some(Slot::First),
                (false, true) => Some(Slot::Second),
                _ if a <= b => Some(Slot::First),
                _ => Some(Slot::Second),
            },
        }
    }

    /// The credential that is to replace the current one, if there is one.
    pub fn trial(&self) -> Option<Trial> {
        let slot = self.current()?.other();
        match *self.content(slot) {
            Content::Staged { trials, .. } => Some(Trial { slot, begun: trials, countable: self.countable }),
            _ => None,
        }
    }

    /// Whether a certificate has been asked for that has not come.
    pub fn has_request(&self) -> bool {
        self.contents.iter().any(|content| matches!(content, Content::Requested { .. }))
    }

    /// Reads the image in `slot` into `room`, where it stays.
    ///
    /// Every read is checked anew: bits that a power cut has left in between may read otherwise than when the store was
    /// opened.
    pub async fn read<'r, F: NorFlash>(
        &self,
        flash: &mut F,
        slot: Slot,
        room: &'r mut [u8; SLOT_LEN],
    ) -> Result<Image<'r>, SlotFault> {
        read_image(flash, self.start_of::<F>(slot), room).await.map(|(image, _)| image)
    }

    /// The request whose certificate has not come; `None` if there is none, or it cannot be read any more.
    pub async fn read_request<F: NorFlash>(&self, flash: &mut F) -> Option<PendingRequest> {
        let slot = self.current()?.other();
        if !matches!(self.content(slot), Content::Requested { .. }) {
            return None;
        }
        let mut bytes = Zeroizing::new([0; pending_request::LEN]);
        flash.read(self.start_of::<F>(slot), bytes.as_mut()).await.ok()?;
        PendingRequest::decode(&bytes)
    }

    /// Keeps `request`, so that the answer to it finds its key. To be called before the request is sent; it replaces a
    /// request or a trial that there was.
    pub async fn request<F: NorFlash>(
        &mut self,
        flash: &mut F,
        request: &PendingRequest,
    ) -> Result<(), StoreError<F::Error>> {
        let (slot, sequence) = self.next()?;
        self.fill(flash, slot, Purpose::Request, sequence, Body::Request(&request.encode())).await?;
        *self.content_mut(slot) = Content::Requested { sequence };
        Ok(())
    }

    /// Keeps `image`, which is to replace the current one once it is proven.
    pub async fn stage<F: NorFlash>(
        &mut self,
        flash: &mut F,
        image: &Image<'_>,
    ) -> Result<(), StoreError<F::Error>> {
        let encoded = image.encoded().map_err(StoreError::Image)?;
        let not_before =
            Certificate::read(image.certificate).map_err(StoreError::Certificate)?.validity().not_before();
        let (slot, sequence) = self.next()?;
        self.fill(flash, slot, Purpose::Image, sequence, Body::Image(encoded)).await?;
        *self.content_mut(slot) = Content::Staged { sequence, trials: 0, not_before };
        Ok(())
    }

    /// Counts a trial of the staged credential, before it is tried; `None` if there is none. Once all that can be counted
    /// have begun, nothing is written, and [`Trial::begun`] says so. So it does if the flash does not take the mark: a
    /// trial that ends in a reset would begin for ever.
    pub async fn begin_trial<F: NorFlash>(&mut self, flash: &mut F) -> Option<Trial> {
        let trial = self.trial()?;
        if trial.begun >= trial.countable {
            return Some(trial);
        }
        let start = self.start_of::<F>(trial.slot);
        let marked = slot_state::count_trial(flash, start, trial.begun).await;
        let begun = if marked.is_ok() { trial.begun + 1 } else { trial.countable };
        if let Content::Staged { trials, .. } = self.content_mut(trial.slot) {
            *trials = begun;
        }
        Some(Trial { begun, ..trial })
    }

    /// The broker has taken the staged credential: it is the current one from now on, and the other is erased.
    ///
    /// An error is one of the other's erasure, whose key may be left until the next boot.
    pub async fn confirm<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let slot = self.trial().ok_or(StoreError::NoTrial)?.slot;
        let Content::Staged { sequence, not_before, .. } = *self.content(slot) else {
            return Err(StoreError::NoTrial);
        };
        // A cut may have left a record that is neither there nor can be written again. Without it, too, the credential
        // is the current one once it is the only one.
        let _ = slot_state::confirm(flash, self.start_of::<F>(slot), sequence).await;
        *self.content_mut(slot) = Content::Confirmed { sequence, not_before };
        self.erase(flash, slot.other()).await.map_err(StoreError::Flash)
    }

    /// Gives up the request or the credential on trial: another key is going to be asked for.
    pub async fn discard<F: NorFlash>(&mut self, flash: &mut F) -> Result<(), StoreError<F::Error>> {
        let current = self.current().ok_or(StoreError::OnlyCredential)?;
        self.erase(flash, current.other()).await.map_err(StoreError::Flash)
    }

    /// The image that another one has taken the place of.
    fn loser(&self) -> Option<Slot> {
        let [first, second] = &self.contents;
        let ((first_begins, _), (second_begins, _)) = (first.image()?, second.image()?);
        match (first, second) {
            // A board that was flashed again: whoever's certificate begins later is the newer one.
            (Content::Factory { .. }, _) if first_begins > second_begins => Some(Slot::Second),
            (_, Content::Factory { .. }) if second_begins > first_begins => Some(Slot::First),
            (Content::Factory { .. }, Content::Factory { .. }) => Some(Slot::Second),
            (Content::Factory { .. }, Content::Confirmed { .. }) => Some(Slot::First),
            (Content::Confirmed { .. }, Content::Factory { .. }) => Some(Slot::Second),
            (Content::Confirmed { sequence: a, .. }, Content::Confirmed { sequence: b, .. }) => {
                Some(if a > b { Slot::Second } else { Slot::First })
            }
            // What the confirmed one has taken the place of, after a cut that has left it half erased.
            (Content::Confirmed { sequence: a, .. }, Content::Staged { sequence: b, .. }) if a > b => {
                Some(Slot::Second)
            }
            (Content::Staged { sequence: a, .. }, Content::Confirmed { sequence: b, .. }) if b > a => {
                Some(Slot::First)
            }
            _ => None,
        }
    }

    /// Where what comes next is written, and its sequence.
    fn next<E>(&self) -> Result<(Slot, u32), StoreError<E>> {
        let slot = self.current().ok_or(StoreError::OnlyCredential)?.other();
        let newest = self.contents.iter().map(Content::sequence).max().unwrap_or_default();
        Ok((slot, newest.saturating_add(1)))
    }

    async fn look<F: NorFlash>(&self, flash: &mut F, slot: Slot, room: &mut [u8; SLOT_LEN]) -> Content {
        let start = self.start_of::<F>(slot);
        let state = slot_state::read(flash, start).await;
        let image = match state {
            SlotState::Torn => return Content::Nothing(SlotFault::Torn),
            SlotState::Requested { sequence } => return Content::Requested { sequence },
            SlotState::Erased | SlotState::Staged { .. } | SlotState::Confirmed { .. } => {
                read_image(flash, start, room).await
            }
        };
        match (image, state) {
            (Err(fault), _) => Content::Nothing(fault),
            (Ok((_, not_before)), SlotState::Staged { sequence, trials }) => {
                Content::Staged { sequence, trials, not_before }
            }
            (Ok((_, not_before)), SlotState::Confirmed { sequence }) => {
                Content::Confirmed { sequence, not_before }
            }
            (Ok((_, not_before)), _) => Content::Factory { not_before },
        }
    }

    /// Erases the slot and writes it: first what it is going to hold, then the body, last that the body is whole.
    async fn fill<F: NorFlash>(
        &mut self,
        flash: &mut F,
        slot: Slot,
        purpose: Purpose,
        sequence: u32,
        body: Body<'_, '_>,
    ) -> Result<(), StoreError<F::Error>> {
        self.erase(flash, slot).await.map_err(StoreError::Flash)?;
        let start = self.start_of::<F>(slot);
        let written = async {
            slot_state::open(flash, start, purpose, sequence).await?;
            body.write(flash, start).await?;
            slot_state::commit(flash, start, sequence).await
        };
        written.await.map_err(StoreError::Flash)
    }

    /// Erases a slot, the header of its image first and its records last.
    async fn erase<F: NorFlash>(&mut self, flash: &mut F, slot: Slot) -> Result<(), F::Error> {
        *self.content_mut(slot) = Content::Nothing(SlotFault::Torn);
        let start = self.start_of::<F>(slot);
        let page = page_len::<F>();
        for index in 0..slot_stride::<F>() / page {
            flash.erase(start + index * page, start + (index + 1) * page).await?;
        }
        Ok(())
    }

    const fn start_of<F: NorFlash>(&self, slot: Slot) -> u32 {
        match slot {
            Slot::First => self.start,
            Slot::Second => self.start + slot_stride::<F>(),
        }
    }

    const fn content(&self, slot: Slot) -> &Content {
        let [first, second] = &self.contents;
        match slot {
            Slot::First => first,
            Slot::Second => second,
        }
    }

    const fn content_mut(&mut self, slot: Slot) -> &mut Content {
        let [first, second] = &mut self.contents;
        match slot {
            Slot::First => first,
            Slot::Second => second,
        }
    }
}

impl Content {
    fn fault(self) -> SlotFault {
        match self {
            Self::Nothing(fault) => fault,
            _ => SlotFault::Request,
        }
    }
}

/// What stands at the start of a slot.
enum Body<'b, 'a> {
    Request(&'b [u8; pending_request::LEN]),
    Image(device_identity::image::Encoded<'b, 'a>),
}

impl Body<'_, '_> {
    async fn write<F: NorFlash>(&self, flash: &mut F, start: u32) -> Result<(), F::Error> {
        let image = match self {
            Self::Request(bytes) => return flash.write(start, *bytes).await,
            Self::Image(image) => image,
        };
        let mut piece = Zeroizing::new([0; PIECE_LEN]);
        for offset in (0..image.len()).step_by(PIECE_LEN) {
            image.copy(offset, piece.as_mut());
            // Program units behind the end stay erased.
            let length = (image.len() - offset).min(PIECE_LEN).next_multiple_of(RECORD_LEN);
            let piece = piece.get(..length).unwrap_or_default();
            flash.write(start + offset as u32, piece).await?;
        }
        Ok(())
    }
}

/// How much of an image is in RAM while it is written, in bytes: a multiple of every program unit.
const PIECE_LEN: usize = 64;

/// How far apart the slots are, in bytes: a slot, or the erase block it needs to itself.
pub const fn slot_stride<F: NorFlash>() -> u32 {
    const {
        assert!(
            F::WRITE_SIZE <= RECORD_LEN,
            "program units of more than 16 bytes: a slot's records do not fit"
        );
        assert!(RECORD_LEN.is_multiple_of(F::WRITE_SIZE), "records are not whole program units");
        assert!(4_usize.is_multiple_of(F::READ_SIZE), "records are not whole reads");
        assert!(
            SLOT_LEN.is_multiple_of(F::ERASE_SIZE) || F::ERASE_SIZE.is_multiple_of(SLOT_LEN),
            "neither is a slot whole erase blocks, nor an erase block whole slots"
        );
    }
    if F::ERASE_SIZE > SLOT_LEN { F::ERASE_SIZE as u32 } else { SLOT_LEN as u32 }
}

const fn page_len<F: NorFlash>() -> u32 {
    F::ERASE_SIZE as u32
}

/// Reads the image at `start` into `room`, and the notBefore of its certificate.
async fn read_image<'r, F: NorFlash>(
    flash: &mut F,
    start: u32,
    room: &'r mut [u8; SLOT_LEN],
) -> Result<(Image<'r>, u64), SlotFault> {
    let body = room.get_mut(..MAX_LEN).ok_or(SlotFault::Unreadable)?;
    flash.read(start, body).await.map_err(|_| SlotFault::Unreadable)?;
    let image = Image::read(body)?;
    let certificate = Certificate::read(image.certificate)?;
    if certificate.subject().device_id()? != image.device_id {
        return Err(SlotFault::NotThisDevices);
    }
    let not_before = certificate.validity().not_before();
    Ok((image, not_before))
}
