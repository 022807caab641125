//! What a session does for the renewal of the device's certificate.

use core::time::Duration;

use device_identity::image::{Image, PrivateKey};
use device_identity::renewal::{
    ConfirmationContent, FromDevice, Issued, MAX_CSR_LEN, RequestContent, SIGNATURE_LEN, Statement,
};
use embedded_storage_async::nor_flash::NorFlash;
use sha2::{Digest as _, Sha256};

use crate::credential::KeyStore;
use crate::credential::issued;
use crate::credential::store::{CredentialStore, PendingRequest};
use crate::ecdsa::PublicKey;
use crate::platform::CryptoRngCore;
use crate::x509::{Certificate, CertificationRequest, CertificationRequestInfo};

/// The longest message of a device, in bytes: a request with the longest CSR.
pub(super) const MESSAGE_LEN: usize = MAX_CSR_LEN + 256;

/// How long a request may go without an answer before it is sent again.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 60 * 60);

/// How long a session with the other credential lasts at most before the one on trial has another turn.
const TRY_AGAIN: Duration = Duration::from_secs(60 * 60);

/// What a session says and hears about the certificate of its device.
pub(super) trait SessionRenewal {
    /// Whether the device renews its certificate at all.
    const RENEWS: bool;

    /// Whether there is something to be said at `now`, the board's monotonic time.
    fn has_to_say(&self, now: Duration) -> bool;

    /// The message to publish; `None` if it cannot be made now.
    fn say(&mut self, now: Duration) -> impl Future<Output = Option<&[u8]>>;

    /// The broker has the message, or does not take it.
    fn said(&mut self, accepted: bool) -> impl Future<Output = ()>;

    /// A message on the device's topic for responses has come.
    fn hear(&mut self, payload: &[u8]) -> impl Future<Output = ()>;

    /// Whether it is another certificate's turn at `now`.
    fn is_another_due(&self, now: Duration) -> bool;
}

/// Of a device that lives on one credential.
pub(super) struct NoRenewal;

impl SessionRenewal for NoRenewal {
    const RENEWS: bool = false;

    fn has_to_say(&self, _: Duration) -> bool {
        false
    }

    async fn say(&mut self, _: Duration) -> Option<&[u8]> {
        None
    }

    async fn said(&mut self, _: bool) {}

    async fn hear(&mut self, _: &[u8]) {}

    fn is_another_due(&self, _: Duration) -> bool {
        false
    }
}

/// The time of a session, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionTime {
    /// A moment that is certainly past, Unix seconds: the clock's, or the floor.
    pub(super) unix: u64,
    /// When it was that, in the board's monotonic time.
    pub(super) at: Duration,
}

impl SessionTime {
    /// The same, or this time if it is later.
    pub(super) fn at_least(self, unix: u64) -> Self {
        Self { unix: self.unix.max(unix), ..self }
    }

    fn unix_at(&self, now: Duration) -> u64 {
        self.unix.saturating_add(now.saturating_sub(self.at).as_secs())
    }
}

/// Of a device that keeps its credentials in a store.
pub(super) struct DeviceRenewal<'s, K, F, G> {
    pub(super) store: &'s mut CredentialStore,
    pub(super) keys: &'s mut K,
    pub(super) flash: &'s mut F,
    pub(super) rng: &'s mut G,
    /// Where messages are written.
    pub(super) message: &'s mut [u8; MESSAGE_LEN],
    /// The image that the session was made with.
    pub(super) image: &'s Image<'s>,
    /// Whether that is the one on trial.
    pub(super) on_trial: bool,
    /// Whether another one was, when the session began.
    pub(super) has_other_on_trial: bool,
    /// Where the key store has the key that the one on trial is to replace.
    pub(super) replaced_slot: Option<u32>,
    pub(super) time: SessionTime,
    /// From when on the certificate is to be renewed, Unix seconds.
    pub(super) due: u64,
    /// When a request went out over this session.
    pub(super) asked: Option<Duration>,
    pub(super) renewed: bool,
}

impl<K: KeyStore, F: NorFlash, G: CryptoRngCore> SessionRenewal for DeviceRenewal<'_, K, F, G> {
    const RENEWS: bool = true;

    fn has_to_say(&self, now: Duration) -> bool {
        if self.on_trial {
            return true;
        }
        // What has come is tried before another is asked for.
        let is_wanted = self.store.has_request() || self.time.unix_at(now) >= self.due;
        let is_time = self.asked.is_none_or(|asked| now >= asked.saturating_add(ASK_AGAIN));
        is_wanted && is_time && self.store.trial().is_none()
    }

    async fn say(&mut self, now: Duration) -> Option<&[u8]> {
        let length = if self.on_trial {
            self.write_confirmation().await
        } else {
            // What cannot be made now cannot be made a moment later.
            self.asked = Some(now);
            self.write_request().await
        };
        self.message.get(..length?)
    }

    async fn said(&mut self, accepted: bool) {
        if !self.on_trial {
            return;
        }
        // Said once over this session. Where the broker does not take it, the next one says it again: until then both
        // credentials stay.
        self.on_trial = false;
        if !accepted {
            return;
        }
        // Where either fails, the key that has been replaced is left until the next boot, or the next renewal.
        let _ = self.store.confirm(self.flash).await;
        if let Some(number) = self.replaced_slot {
            let _ = self.keys.destroy(PrivateKey::Slot(number)).await;
        }
    }

    async fn hear(&mut self, payload: &[u8]) {
        // An answer that nobody waits for is no answer, and costs no computation.
        if !self.store.has_request() {
            return;
        }
        let Some(pending) = self.store.read_request(self.flash).await else { return };
        let Ok(point) = self.keys.public_key(pending.key()).await else { return };
        let (Some(point), Ok(answer)) = (PublicKey::new(&point), Issued::read(payload)) else { return };
        let current = self.image.clone();
        let Ok(image) = issued::accept(&answer, &current, pending.key(), point) else {
            return;
        };
        self.renewed = self.store.stage(self.flash, &image).await.is_ok();
    }

    fn is_another_due(&self, now: Duration) -> bool {
        self.renewed || self.has_other_on_trial && now >= self.time.at.saturating_add(TRY_AGAIN)
    }
}

impl<K: KeyStore, F: NorFlash, G: CryptoRngCore> DeviceRenewal<'_, K, F, G> {
    /// Writes a confirmation, signed by the key of this session; its length.
    async fn write_confirmation(&mut self) -> Option<usize> {
        let certificate = Certificate::read(self.image.certificate).ok()?;
        let content = ConfirmationContent::new(&self.image.device_id, certificate.serial()).ok()?;
        let signature = self.sign(content.signed().as_bytes()).await?;
        FromDevice::Confirmation(Statement::new(content, &signature)).write(self.message).ok()
    }

    /// Writes a request for the key that is pending, or for one that is made now and kept first; its length.
    async fn write_request(&mut self) -> Option<usize> {
        let certificate = Certificate::read(self.image.certificate).ok()?;
        let csr = match self.store.read_request(self.flash).await {
            Some(pending) => self.csr(&certificate, pending.key()).await?,
            None => {
                let key = self.keys.generate(self.image.key, self.rng).await.ok()?;
                let csr = self.csr(&certificate, key.as_private_key()).await?;
                let digest = Sha256::digest(csr.as_bytes()).into();
                let pending = PendingRequest::new(key.as_private_key(), digest);
                self.store.request(self.flash, &pending).await.ok()?;
                csr
            }
        };
        let content =
            RequestContent::new(&self.image.device_id, csr.as_bytes(), certificate.serial()).ok()?;
        let signature = self.sign(content.signed().as_bytes()).await?;
        FromDevice::Request(Statement::new(content, &signature)).write(self.message).ok()
    }

    /// The PKCS#10 request for a key, with the subject that the device has.
    async fn csr(
        &mut self,
        certificate: &Certificate<'_>,
        key: PrivateKey<'_>,
    ) -> Option<CertificationRequest> {
        let point = self.keys.public_key(key).await.ok()?;
        let info = CertificationRequestInfo::new(certificate.subject(), &point).ok()?;
        let signature = self.keys.sign(key, info.as_bytes()).await.ok()?;
        info.signed(&signature).ok()
    }

    /// A signature of the key of this session.
    async fn sign(&mut self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
        let signature = self.keys.sign(self.image.key, message).await.ok()?;
        signature.to_bytes().as_slice().try_into().ok()
    }
}
