//! A device that renews its credential, and the server that issues them: the least of both that the store can be tried
//! with.

use std::collections::BTreeSet;

use countersign_agent::credential::store::{CredentialStore, PendingRequest, Slot, StoreError};
use countersign_agent::platform::host::part::Part;
use countersign_agent::platform::host::{FlashFault, NorFlashModel};
use device_identity::image::{PrivateKey, SLOT_LEN};

use crate::block_on;
use crate::model::{GENERATIONS, generation_of, image, slot};

/// What the server takes, and which key is the next that a device can make.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Generations whose certificates get in.
    pub(crate) valid: BTreeSet<usize>,
    /// Issued all the same, and refused by the broker: the device must not have burnt its bridges.
    refused: Option<usize>,
    next_key: usize,
}

/// A device and its server.
#[derive(Clone)]
pub(crate) struct Life<P> {
    pub(crate) flash: NorFlashModel<P>,
    pub(crate) server: Server,
}

/// Why a step is not the last one.
pub(crate) type Cut = StoreError<FlashFault>;

impl<P: Part> Life<P> {
    /// A device as it leaves the factory.
    pub(crate) fn new(seed: u64) -> Self {
        let pages = (2 * SLOT_LEN).max(2 * P::ERASE_SIZE) / P::ERASE_SIZE;
        let mut flash = NorFlashModel::seeded(pages, seed);
        flash.flash(0, &slot(0));
        Self { flash, server: Server { valid: [0].into(), refused: None, next_key: 1 } }
    }

    /// The broker is not going to take the next certificate that is issued.
    pub(crate) const fn refuse_next(&mut self) {
        self.server.refused = Some(self.server.next_key);
    }

    /// A boot: what the device has must be something it was given, and some of it must get in.
    pub(crate) fn boot(&mut self) -> Result<CredentialStore, Cut> {
        let mut room = [0; SLOT_LEN];
        let store = block_on(CredentialStore::open(&mut self.flash, 0, &mut room))?;
        let found: Vec<_> =
            self.candidates(&store).iter().filter_map(|&slot| self.read(&store, slot)).collect();
        assert!(
            self.flash.is_off() || found.iter().any(|generation| self.server.valid.contains(generation)),
            "the device has {found:?}, the server takes {:?}",
            self.server.valid
        );
        Ok(store)
    }

    /// The slots in the order in which they are tried.
    fn candidates(&self, store: &CredentialStore) -> Vec<Slot> {
        let trial = store.trial();
        let current = store.current();
        match trial {
            Some(trial) if trial.begun < trial.countable => {
                [Some(trial.slot), current].into_iter().flatten().collect()
            }
            _ => [current, trial.map(|trial| trial.slot)].into_iter().flatten().collect(),
        }
    }

    fn read(&mut self, store: &CredentialStore, slot: Slot) -> Option<usize> {
        let mut room = [0; SLOT_LEN];
        let image = block_on(store.read(&mut self.flash, slot, &mut room)).ok()?;
        Some(generation_of(&image))
    }

    /// One step of a renewal; the generation that the device has come to live on, once it has.
    pub(crate) fn step(&mut self, store: &mut CredentialStore) -> Result<Option<usize>, Cut> {
        if let Some(trial) = store.trial() {
            block_on(store.begin_trial(&mut self.flash));
            let tried = self.read(store, trial.slot);
            if tried.is_some_and(|generation| self.server.valid.contains(&generation)) {
                // The device has said so to the server, which lists all others.
                self.server.valid = tried.into_iter().collect();
                block_on(store.confirm(&mut self.flash))?;
                return Ok(tried);
            }
            block_on(store.discard(&mut self.flash))?;
            return Ok(None);
        }
        if let Some(request) = block_on(store.read_request(&mut self.flash)) {
            let PrivateKey::P256(scalar) = request.key() else { panic!("a key that nobody has made") };
            let asked = GENERATIONS.iter().position(|generation| generation.scalar == *scalar);
            let asked = asked.expect("a key that nobody has made");
            // A certificate for another key takes the place of the one that was not proven.
            let current = self.read(store, store.current().expect("opened"));
            let taken = Some(asked).filter(|&asked| self.server.refused != Some(asked));
            self.server.valid = current.into_iter().chain(taken).collect();
            block_on(store.stage(&mut self.flash, &image(asked)))?;
            return Ok(None);
        }
        let key = self.server.next_key;
        self.server.next_key += 1;
        let request = PendingRequest::new(PrivateKey::P256(&GENERATIONS[key].scalar), [0xAB; 32]);
        block_on(store.request(&mut self.flash, &request))?;
        Ok(None)
    }

    /// Boots, and renews to the end, or until the power goes.
    pub(crate) fn renew(&mut self) -> Result<usize, Cut> {
        let mut store = self.boot()?;
        for _ in 0..20 {
            if let Some(generation) = self.step(&mut store)? {
                return Ok(generation);
            }
        }
        panic!("a renewal that does not end: {store:?}");
    }

    /// The generations whose keys the flash holds anywhere: each is one byte, 32 times.
    pub(crate) fn keys(&self) -> BTreeSet<usize> {
        let runs = self.flash.bytes().chunk_by(|a, b| a == b).filter(|run| run.len() >= 32);
        let of = |run: &[u8]| GENERATIONS.iter().position(|generation| generation.scalar[..] == run[..32]);
        runs.filter_map(of).collect()
    }
}
