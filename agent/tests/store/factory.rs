//! Boards that are flashed again, and stores that are damaged.

use countersign_agent::credential::store::{CredentialStore, Slot, SlotFault, StoreError, slot_stride};
use countersign_agent::platform::host::NorFlashModel;
use countersign_agent::platform::host::part::{Nrf52840, Stm32u575};
use device_identity::image::SLOT_LEN;

use crate::block_on;
use crate::life::Life;
use crate::model::{generation_of, slot};

/// What a device lives on after a boot.
fn lives_on(life: &mut Life<Nrf52840>) -> usize {
    let mut room = [0; SLOT_LEN];
    let store = block_on(CredentialStore::open(&mut life.flash, 0, &mut room)).unwrap();
    generation_of(&block_on(store.read(&mut life.flash, store.current().unwrap(), &mut room)).unwrap())
}

/// A device that lives on the `renewals`th credential of its own, in the second slot if that is odd.
fn renewed(renewals: usize) -> Life<Nrf52840> {
    let mut life = Life::new(7);
    for _ in 0..renewals {
        life.renew().unwrap();
    }
    life
}

#[test]
fn a_factory_image_is_what_a_new_device_lives_on() {
    assert_eq!(lives_on(&mut Life::new(0)), 0);
}

#[test]
fn a_board_that_is_flashed_again_lives_on_the_certificate_that_begins_later() {
    for renewals in 1..4 {
        for flashed in 0..8 {
            let mut life = renewed(renewals);
            let in_first = renewals % 2 == 0;
            life.flash.flash(0, &slot(flashed));
            // In the first slot it has taken the place of whatever was there.
            let expected = if in_first { flashed } else { flashed.max(renewals) };
            for _ in 0..2 {
                assert_eq!(lives_on(&mut life), expected, "renewal {renewals}, flashed with {flashed}");
            }
            assert_eq!(life.keys(), [expected].into(), "renewal {renewals}, flashed with {flashed}");
        }
    }
}

#[test]
fn a_board_that_is_flashed_again_forgets_what_was_on_trial() {
    let mut life = renewed(0);
    let mut store = life.boot().unwrap();
    // The key, and the certificate for it.
    for _ in 0..2 {
        assert_eq!(life.step(&mut store).unwrap(), None);
    }
    assert!(store.trial().is_some());
    life.flash.flash(0, &slot(5));
    assert_eq!(lives_on(&mut life), 5);
    assert_eq!(life.keys(), [5].into());
}

#[test]
fn an_empty_board_says_so_for_both_slots() {
    let mut flash = NorFlashModel::<Nrf52840>::new(2);
    let error = block_on(CredentialStore::open(&mut flash, 0, &mut [0; SLOT_LEN])).unwrap_err();
    let StoreError::NoCredential { slots } = &error else { panic!("{error}") };
    assert!(slots.iter().all(|fault| matches!(fault, SlotFault::Image(_))), "{slots:?}");
    assert_eq!(
        error.to_string(),
        "no credential: no credential image: it does not start with CSGN, and no credential image: it does not start \
         with CSGN"
    );
}

#[test]
fn slots_keep_to_erase_blocks_of_their_own() {
    assert_eq!(slot_stride::<NorFlashModel<Nrf52840>>(), 4096);
    assert_eq!(slot_stride::<NorFlashModel<Stm32u575>>(), 8192);
}

#[test]
fn the_last_credential_is_never_given_up() {
    let mut life = renewed(1);
    let mut store = life.boot().unwrap();
    block_on(store.discard(&mut life.flash)).unwrap();
    assert_eq!(store.current(), Some(Slot::Second));
    assert_eq!(lives_on(&mut life), 1);
}

#[test]
fn a_store_behind_something_else_leaves_it_alone() {
    let mut flash = NorFlashModel::<Nrf52840>::new(4);
    flash.flash(0, &[0x5A; 4096]);
    flash.flash(4096, &slot(0));
    flash.flash(12_288, &[0xA5; 4096]);
    let mut room = [0; SLOT_LEN];
    let mut store = block_on(CredentialStore::open(&mut flash, 4096, &mut room)).unwrap();
    block_on(store.stage(&mut flash, &crate::model::image(1))).unwrap();
    assert_eq!(block_on(store.begin_trial(&mut flash)).unwrap().begun, 1);
    block_on(store.confirm(&mut flash)).unwrap();
    assert!(flash.bytes()[..4096].iter().all(|&byte| byte == 0x5A));
    assert!(flash.bytes()[12_288..].iter().all(|&byte| byte == 0xA5));
}

#[test]
fn a_trial_that_ends_in_a_reset_comes_first_so_often_and_no_oftener() {
    let mut life = renewed(1);
    let mut store = life.boot().unwrap();
    for _ in 0..2 {
        assert_eq!(life.step(&mut store).unwrap(), None);
    }
    for begun in 0..10 {
        let mut store = life.boot().unwrap();
        let trial = store.trial().unwrap();
        assert_eq!((trial.begun, trial.countable), (begun.min(4), 4));
        assert_eq!(block_on(store.begin_trial(&mut life.flash)).unwrap().begun, (begun + 1).min(4));
    }
}

#[test]
fn an_image_of_another_device_is_no_credential_of_this_one() {
    let mut image = crate::model::image(0);
    image.device_id = device_identity::DeviceId::new("pump-0043").unwrap();
    let mut slot = [0; SLOT_LEN];
    image.write(&mut slot).unwrap();
    let mut flash = NorFlashModel::<Nrf52840>::new(2);
    flash.flash(0, &slot);
    let error = block_on(CredentialStore::open(&mut flash, 0, &mut [0; SLOT_LEN])).unwrap_err();
    let StoreError::NoCredential { slots: [first, _] } = error else { panic!("{error}") };
    assert_eq!(first, SlotFault::NotThisDevices);
}
