//! The agent of a device that renews its certificate.

use device_identity::DeviceId;
use device_identity::image::{Image, PrivateKey, SLOT_LEN};
use embedded_storage_async::nor_flash::NorFlash;
use zeroize::Zeroize as _;

use super::application::{Application, Control};
use super::config::Config;
use super::connection_end::ConnectionEnd;
use super::connector::Connector;
use super::memory::Memory;
use super::mqtt_session::SessionEnd;
use super::renewal::{DeviceRenewal, MESSAGE_LEN, SessionTime};
use crate::credential::store::{CredentialStore, Slot, SlotFault, StoreError};
use crate::credential::{Credential, CredentialError, KeyStore, KeyStoreError};
use crate::ending::Ending;
use crate::platform::{Clock, CryptoRngCore, Network, Platform};
use crate::renewal::{Choice, Next, RenewalShare, due};
use crate::session::State;
use crate::telemetry::Queue;
use crate::time_floor::TimeFloor;
use crate::x509::Certificate;

/// What renewal needs besides the [`Memory`] of an agent. Put it into a static.
pub struct RenewalMemory {
    /// The image in use, with its key.
    room: [u8; SLOT_LEN],
    /// A message to the renewal service.
    message: [u8; MESSAGE_LEN],
}

impl RenewalMemory {
    /// Empty memory, in a constant expression if need be.
    pub const fn new() -> Self {
        Self { room: [0; SLOT_LEN], message: [0; MESSAGE_LEN] }
    }
}

impl Default for RenewalMemory {
    fn default() -> Self {
        Self::new()
    }
}

/// The image in use has a key.
impl Drop for RenewalMemory {
    fn drop(&mut self) {
        self.room.zeroize();
    }
}

/// Where a device keeps its credentials, and when it renews them.
#[derive(Clone, Copy, Debug)]
pub struct RenewalConfig {
    /// Where the credential store begins, in bytes from the start of the flash.
    store_start: u32,
    share: RenewalShare,
}

impl RenewalConfig {
    /// The store right behind the two erase blocks of the time floor; certificates are renewed after one half to two thirds
    /// of their lifetime.
    pub fn behind_time_floor<F: NorFlash>() -> Self {
        Self { store_start: time_floor_len::<F>(), share: RenewalShare::default() }
    }

    /// The same with the store at `start`, in bytes from the start of the flash; `None` if that is within the time floor, or not
    /// where an erase block begins.
    pub fn with_store_at<F: NorFlash>(start: u32) -> Option<Self> {
        let is_block = usize::try_from(start).is_ok_and(|start| start.is_multiple_of(F::ERASE_SIZE));
        let config = Self { store_start: start, ..Self::behind_time_floor::<F>() };
        (is_block && start >= time_floor_len::<F>()).then_some(config)
    }

    /// The same with certificates renewed after another share of their lifetime.
    #[must_use]
    pub const fn with_share(self, share: RenewalShare) -> Self {
        Self { share, ..self }
    }
}

fn time_floor_len<F: NorFlash>() -> u32 {
    u32::try_from(2 * F::ERASE_SIZE).unwrap_or(u32::MAX)
}

/// Why a device cannot go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenewingError<E> {
    /// The time floor cannot be read.
    #[error("the time floor cannot be read from flash")]
    Flash(E),
    /// Neither slot has a credential.
    #[error(transparent)]
    Store(StoreError<E>),
    /// The credential that the device lives on cannot be read any more.
    #[error("the credential in use: {0}")]
    Slot(SlotFault),
    /// The image in use gives no credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The key store has not its key.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
}

/// The agent of one device, which renews its certificate: in time, with a key that it makes itself, and lives on the one
/// before until a broker has taken the new one.
pub struct RenewingAgent<'a, K> {
    connector: Connector<'a>,
    store: CredentialStore,
    keys: K,
    config: RenewalConfig,
    room: &'a mut [u8; SLOT_LEN],
    message: &'a mut [u8; MESSAGE_LEN],
    choice: Choice,
}

impl<'a, K: KeyStore> RenewingAgent<'a, K> {
    /// Opens the credential store in `flash`, and makes an agent that has not tried yet.
    ///
    /// # Errors
    /// [`RenewingError::Store`] if neither slot has a credential; [`RenewingError::Slot`] if it cannot be read again.
    pub async fn open<F: NorFlash, const QUEUE: usize, const INCOMING: usize>(
        flash: &mut F,
        keys: K,
        config: Config,
        renewal: RenewalConfig,
        memory: &'a mut Memory<QUEUE, INCOMING>,
        renewal_memory: &'a mut RenewalMemory,
    ) -> Result<Self, RenewingError<F::Error>> {
        let RenewalMemory { room, message } = renewal_memory;
        let store =
            CredentialStore::open(flash, renewal.store_start, room).await.map_err(RenewingError::Store)?;
        let device_id = device_id_of(&store, flash, room).await.map_err(RenewingError::Slot)?;
        let connector = Connector::new(&device_id, config, memory);
        Ok(Self { connector, store, keys, config: renewal, room, message, choice: Choice::default() })
    }

    /// Where the session stands.
    pub const fn state(&self) -> State {
        self.connector.session.state()
    }

    /// How the last connection or attempt ended.
    pub const fn last_end(&self) -> Option<&ConnectionEnd> {
        self.connector.last_end()
    }

    /// The messages that wait for the broker.
    pub const fn queue(&mut self) -> &mut Queue<'a> {
        &mut self.connector.queue
    }

    /// The credentials.
    pub const fn store(&self) -> &CredentialStore {
        &self.store
    }

    /// As [`Agent::run`](super::Agent::run).
    ///
    /// # Errors
    /// The flash cannot be read, or the credential in use is gone from it.
    pub async fn run<N, C, R, F, A>(
        &mut self,
        platform: &mut Platform<N, C, R, F>,
        application: &mut A,
    ) -> Result<(), RenewingError<F::Error>>
    where
        N: Network,
        C: Clock,
        R: CryptoRngCore,
        F: NorFlash,
        A: Application,
    {
        // The floor of the image counts whenever a connection is made.
        let mut floor = TimeFloor::load(&mut platform.flash, 0).await.map_err(RenewingError::Flash)?;
        loop {
            let (slot, replaced_slot) = self.choose(&mut platform.flash).await?;
            let on_trial = self.store.current() != Some(slot);
            let has_other_on_trial = !on_trial && self.store.trial().is_some();
            let Self { connector, store, keys, config, room, message, choice } = self;
            let read = store.read(&mut platform.flash, slot, room).await;
            let (image, mut credential, due) = match prepare(read, keys, config.share) {
                Ok(prepared) => prepared,
                // What was staged was judged then; flash may have lost it since. The device lives on the other.
                Err(_) if on_trial => {
                    let _ = store.discard(&mut platform.flash).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            connector.begin(application);
            let image = &image;
            let attempt = connector.attempt(
                &mut credential,
                platform,
                application,
                &mut floor,
                move |flash, rng, time: SessionTime| DeviceRenewal {
                    store,
                    keys,
                    flash,
                    rng,
                    message,
                    image,
                    on_trial,
                    has_other_on_trial,
                    replaced_slot,
                    time: time.at_least(image.time_floor),
                    due,
                    asked: None,
                    renewed: false,
                },
            );
            let leaves = match attempt.await {
                Ok(SessionEnd::Left) => true,
                Ok(SessionEnd::AnotherCertificate) => false,
                Err(ended) => {
                    choice.ended(ended.ending());
                    // Whoever refuses the one on trial has not refused the device.
                    let ending = if on_trial { Ending::Lost } else { ended.ending() };
                    connector.rest(ended, ending, platform, application).await == Control::Leave
                }
            };
            if leaves {
                self.connector.session.left();
                return Ok(());
            }
        }
    }

    /// The slot of the credential for the next attempt; of one on trial, also where the key store has the key that it is to
    /// replace.
    async fn choose<F: NorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<(Slot, Option<u32>), RenewingError<F::Error>> {
        let trial = self.store.trial();
        let is_left = trial.is_some_and(|trial| trial.begun < trial.countable);
        match self.choice.next(trial.is_some(), is_left) {
            Next::Current => {}
            Next::GiveUpTrial => {
                // Where the flash does not take it, the next refusals try again.
                let _ = self.store.discard(flash).await;
            }
            Next::OnTrial => {
                let replaced = self.slot_of_current_key(flash).await;
                if let Some(trial) = self.store.begin_trial(flash).await {
                    return Ok((trial.slot, replaced));
                }
            }
        }
        let nothing = RenewingError::Store(StoreError::OnlyCredential);
        Ok((self.store.current().ok_or(nothing)?, None))
    }

    /// Where the key store has the key of the credential that the device lives on; `None` if it is in the image.
    async fn slot_of_current_key<F: NorFlash>(&mut self, flash: &mut F) -> Option<u32> {
        let slot = self.store.current()?;
        match self.store.read(flash, slot, self.room).await.ok()?.key {
            PrivateKey::Slot(number) => Some(number),
            PrivateKey::P256(_) => None,
        }
    }
}

/// What an attempt with an image is made with, and from when on its certificate is to be renewed, in Unix seconds.
type Prepared<'r, S> = (Image<'r>, Credential<'r, S>, u64);

fn prepare<'r, K: KeyStore, E>(
    read: Result<Image<'r>, SlotFault>,
    keys: &mut K,
    share: RenewalShare,
) -> Result<Prepared<'r, K::Signer>, RenewingError<E>> {
    let image = read.map_err(RenewingError::Slot)?;
    let credential = Credential::with_signer(&image, keys.signer(image.key)?)?;
    let certificate = Certificate::read(image.certificate).map_err(CredentialError::from)?;
    let validity = certificate.validity();
    let due = due(validity.not_before(), validity.not_after(), certificate.serial(), share);
    Ok((image, credential, due))
}

/// The device that the store is of.
async fn device_id_of<F: NorFlash>(
    store: &CredentialStore,
    flash: &mut F,
    room: &mut [u8; SLOT_LEN],
) -> Result<DeviceId, SlotFault> {
    let slot = store.current().ok_or(SlotFault::Torn)?;
    Ok(store.read(flash, slot, room).await?.device_id)
}
