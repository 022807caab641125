//! Flash that holds anything at all.

use countersign_agent::credential::store::CredentialStore;
use countersign_agent::platform::host::NorFlashModel;
use countersign_agent::platform::host::part::Nrf52840;
use device_identity::image::SLOT_LEN;
use proptest::prelude::*;

use crate::block_on;
use crate::life::Life;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// What was never a store is no credential, whatever it looks like.
    #[test]
    fn anything_is_opened_or_refused(bytes in proptest::collection::vec(any::<u8>(), 2 * SLOT_LEN)) {
        let mut flash = NorFlashModel::<Nrf52840>::new(2);
        flash.flash(0, &bytes);
        prop_assert!(block_on(CredentialStore::open(&mut flash, 0, &mut [0; SLOT_LEN])).is_err());
    }

    /// Bits that rot in a device that has renewed cost a credential at most, and never make another one.
    #[test]
    fn rotten_bits_never_make_another_credential(
        renewals in 0_usize..3,
        rotten in proptest::collection::vec((0..2 * SLOT_LEN, 0..8_u32), 1..4),
    ) {
        let mut life = Life::<Nrf52840>::new(3);
        for _ in 0..renewals {
            life.renew().unwrap();
        }
        let mut bytes = life.flash.bytes().to_vec();
        for (at, bit) in rotten {
            bytes[at] ^= 1 << bit;
        }
        life.flash.flash(0, &bytes);
        let mut room = [0; SLOT_LEN];
        if let Ok(store) = block_on(CredentialStore::open(&mut life.flash, 0, &mut room)) {
            let current = store.current().unwrap();
            // Panics if nobody has made it.
            let found = crate::model::generation_of(&block_on(store.read(&mut life.flash, current, &mut room)).unwrap());
            prop_assert_eq!(found, renewals);
        }
    }
}
