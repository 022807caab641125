//! The credential store on flash that holds anything: what it opens on is an image that somebody has made, whatever is done to
//! it, and it is there again at the next boot.
//!
//! An input is a byte that says what lies in the two slots, 64 bytes of records for each, and what is done then.

use countersign_agent::credential::store::{CredentialStore, PendingRequest, StoreError};
use countersign_agent::platform::{NorFlash, ReadNorFlash};
use device_identity::image::{Image, PrivateKey, SLOT_LEN};
use embassy_futures::block_on;
use embedded_storage_async::nor_flash::{ErrorType, NorFlashErrorKind};
use std::sync::LazyLock;

use crate::Verdict;
use crate::fleet::fleet;
use adversary::pki::{Certified, device_params, key_of};

/// What lies behind the image, in bytes.
const RECORDS: usize = 64;

/// Flash in memory, of units of four bytes.
struct Flash(Vec<u8>);

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let found = self.0.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(found.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        assert!(from.is_multiple_of(4096) && to.is_multiple_of(4096), "whole pages");
        self.0.get_mut(from as usize..to as usize).ok_or(NorFlashErrorKind::OutOfBounds)?.fill(0xff);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        assert!(offset.is_multiple_of(4) && bytes.len().is_multiple_of(4), "whole units");
        let place = self.0.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
        // Programming clears bits, and sets none.
        place
            .ok_or(NorFlashErrorKind::OutOfBounds)?
            .iter_mut()
            .zip(bytes)
            .for_each(|(there, new)| *there &= new);
        Ok(())
    }
}

/// The images there are: that of the factory, and two that came later.
fn images() -> &'static [Vec<u8>; 3] {
    static IMAGES: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
        let renewed = |byte| fleet().device_root.issue_to(device_params("dev-1"), key_of(&[byte; 32]));
        [fleet().slot().to_vec(), slot_of(&renewed(0x41), 0x41), slot_of(&renewed(0x42), 0x42)]
    });
    &IMAGES
}

fn slot_of(device: &Certified, byte: u8) -> Vec<u8> {
    let factory = fleet().slot();
    let scalar = [byte; 32];
    let image = Image {
        key: PrivateKey::P256(&scalar),
        certificate: &device.der,
        ..Image::read(&factory).expect("an image")
    };
    let mut slot = [0xff; SLOT_LEN];
    image.write(&mut slot).expect("it fits");
    slot.to_vec()
}

pub fn run(input: &[u8]) -> Verdict {
    let Some((&what, rest)) = input.split_first() else { return Verdict::Refused };
    let Some((records, steps)) = rest.split_at_checked(2 * RECORDS) else { return Verdict::Refused };
    let mut flash = Flash(vec![0xff; 2 * SLOT_LEN]);
    for (place, (which, records)) in
        flash.0.chunks_mut(SLOT_LEN).zip([what & 3, what >> 2 & 3].into_iter().zip(records.chunks(RECORDS)))
    {
        match images().get(usize::from(which)) {
            Some(image) => place.copy_from_slice(image),
            // Whatever the rest of the input is.
            None => place.iter_mut().zip(steps).for_each(|(place, byte)| *place = *byte),
        }
        place[SLOT_LEN - RECORDS..].copy_from_slice(records);
    }
    let mut room = [0; SLOT_LEN];
    let Ok(mut store) = block_on(CredentialStore::open(&mut flash, 0, &mut room)) else {
        return Verdict::Refused;
    };
    check(&store, &mut flash);
    for &step in steps.iter().take(32) {
        let current = store.current().expect("a credential");
        let image = &images()[usize::from(step >> 3) % 3];
        let image = Image::read(image).expect("an image");
        let done = match step & 7 {
            0 | 1 => block_on(store.request(&mut flash, &PendingRequest::new(image.key, [step; 32]))),
            2 | 3 => block_on(store.stage(&mut flash, &image)),
            4 => block_on(async {
                store.begin_trial(&mut flash).await;
                Ok(())
            }),
            5 => block_on(store.confirm(&mut flash)),
            6 => block_on(store.discard(&mut flash)),
            _ => block_on(async {
                store = CredentialStore::open(&mut flash, 0, &mut room).await?;
                Ok(())
            }),
        };
        assert!(matches!(done, Ok(()) | Err(StoreError::NoTrial)), "{done:?}");
        if step & 7 == 6 {
            assert_eq!(store.current(), Some(current), "what is given up is not what the device lives on");
        }
        check(&store, &mut flash);
    }
    Verdict::Accepted
}

/// What the device lives on is an image, here and after a reset.
fn check(store: &CredentialStore, flash: &mut Flash) {
    let mut room = [0; SLOT_LEN];
    let slot = store.current().expect("a credential");
    let certificate =
        block_on(store.read(flash, slot, &mut room)).expect("it can be read").certificate.to_vec();
    let mut copy = Flash(flash.0.clone());
    let again = block_on(CredentialStore::open(&mut copy, 0, &mut room)).expect("it opens again");
    let slot = again.current().expect("a credential");
    let found = block_on(again.read(&mut copy, slot, &mut room)).expect("it can be read");
    assert_eq!(found.certificate, certificate);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let erased = [0xff; 2 * RECORDS];
    let with = |what: u8, steps: &[u8]| [&[what], &erased[..], steps].concat();
    vec![
        // A factory's image, and nothing; a whole renewal, a reset in between.
        with(0b1100, &[0, 2, 4, 5, 7]),
        with(0b1100, &[0, 7, 2 | 1 << 3, 7, 4, 7, 4, 5, 7, 0, 2 | 2 << 3, 4, 5]),
        with(0b1100, &[0, 6, 0, 2, 6, 5]),
        // Two of a factory.
        with(0b0100, &[7]),
        with(0b1111, b"nothing that was ever an image"),
        vec![0b1100],
    ]
}
