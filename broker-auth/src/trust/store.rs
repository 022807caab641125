//! [`TrustStore`]: what one listener trusts, swapped as a whole.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

use super::chain::VerifiedChain;
use super::clock::Clock;
use super::config::TrustConfig;
use super::crl::CrlNumbers;
use super::error::TrustError;
use super::report::{ReloadReport, TrustReport};
use crate::identity::VerifiedDevice;
use crate::reason::{Reason, Refusal};

/// What one listener trusts. It can be loaded anew at any time, while handshakes and sessions go on.
pub struct TrustStore {
    clock: Arc<dyn Clock>,
    numbers: Arc<CrlNumbers>,
    generation: watch::Sender<u64>,
}

impl TrustStore {
    /// A store that trusts nobody yet.
    pub fn empty(clock: Arc<dyn Clock>, numbers: Arc<CrlNumbers>) -> Arc<Self> {
        Arc::new(Self { clock, numbers, generation: watch::Sender::new(0) })
    }

    /// Loads `trusts` whole and swaps them in; on an error, what was trusted before stays.
    pub fn load(&self, trusts: &[TrustConfig]) -> Result<TrustReport, TrustError> {
        Ok(TrustReport::default())
    }

    /// Reads the revocation lists again. A list that is refused leaves its predecessor in force.
    pub fn reload_crls(&self) -> ReloadReport {
        ReloadReport::default()
    }

    /// Counts up whenever what is trusted changes.
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Wakes up whenever [`Self::generation`] counts up.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Judges a presented chain, leaf first: path, validity, usage, revocation, now.
    pub fn verify(&self, chain: &[CertificateDer<'_>]) -> Result<VerifiedChain, Refusal> {
        match chain.split_first() {
            Some((leaf, intermediates)) => self.verify_path(leaf, intermediates),
            None => Err(Refusal::new(Reason::NoCertificate, "the client presented no certificate")),
        }
    }

    pub(super) fn verify_path(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<VerifiedChain, Refusal> {
        Err(Refusal::new(Reason::UnknownCa, "no trust is loaded"))
    }

    /// Judges a live session again by what can have changed since: anchors, revocation, staleness, and the clock.
    pub fn recheck(&self, device: &VerifiedDevice) -> Result<(), Refusal> {
        Err(Refusal::new(Reason::UnknownCa, "no trust is loaded"))
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore").field("generation", &self.generation()).finish_non_exhaustive()
    }
}
