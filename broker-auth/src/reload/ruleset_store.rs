//! [`TrustStore`]: what one listener trusts, swapped as a whole.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;

use super::ambiguity::refuse_ambiguity;
use super::chain::VerifiedChain;
use super::clock::Clock;
use super::config::TrustConfig;
use super::crl::{CrlNumbers, CrlNumbersError, Refused};
use super::error::TrustError;
use super::report::{CrlReport, Freshness, ReloadReport, TrustReport};
use super::trusted::Trusted;
use crate::certificate::{Fingerprint, PeerCertificate};
use crate::identity::VerifiedDevice;
use crate::reason::{Reason, Refusal};

/// Certificates a client may send along with its own. No path has more than six CAs (rustls-webpki), and each that claims
/// to be of the right one costs a signature to find out.
const MAX_INTERMEDIATES: usize = 8;

/// What one listener trusts. It can be loaded anew at any time, while handshakes and sessions go on.
pub struct TrustStore {
    clock: Arc<dyn Clock>,
    numbers: Arc<CrlNumbers>,
    present: ArcSwap<Vec<Trusted>>,
    /// One loader at a time; judging takes no lock.
    loading: Mutex<()>,
    /// What the clock had done when that was last looked at.
    known: Mutex<Known>,
    generation: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    lists: Vec<(Fingerprint, Freshness)>,
    ended: Vec<String>,
}

/// What the clock alone has changed.
#[derive(Debug, Default)]
pub(super) struct Aged {
    /// The lists whose age has a new name.
    pub(super) lists: Vec<CrlReport>,
    /// The subjects of the anchors that have ended.
    pub(super) ended: Vec<String>,
}

impl TrustStore {
    /// A store that trusts nobody yet.
    pub fn empty(clock: Arc<dyn Clock>, numbers: Arc<CrlNumbers>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            numbers,
            present: ArcSwap::default(),
            loading: Mutex::default(),
            known: Mutex::default(),
            generation: watch::Sender::new(0),
        })
    }

    /// Loads `trusts` whole and swaps them in; on an error, what was trusted before stays.
    pub fn load(&self, trusts: &[TrustConfig]) -> Result<TrustReport, TrustError> {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let present = self.present.load();
        let loaded = trusts
            .iter()
            .map(|config| {
                let earlier = present.iter().find(|trusted| trusted.config.name == config.name);
                Trusted::load(config, earlier, &self.numbers, now)
            })
            .collect::<Result<Vec<_>, _>>()?;
        refuse_ambiguity(&loaded)?;
        self.remember_numbers(&loaded)?;
        self.swap(loaded);
        Ok(self.report())
    }

    /// Reads the revocation lists again. A list that is refused leaves its predecessor in force.
    pub fn reload_crls(&self) -> ReloadReport {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let present = self.present.load();
        let mut loaded = present.as_ref().clone();
        let mut refused: Vec<TrustError> = Vec::new();
        for trusted in &mut loaded {
            let errors = trusted.reload_crls(&self.numbers, now);
            refused.extend(errors.into_iter().map(|Refused(error)| error));
        }
        let changed = loaded.iter().zip(present.iter()).any(|(new, old)| !new.crls().is_same(old.crls()));
        // Revoking comes first: a full disk must not keep a stolen device in.
        let remembered = self.remember_numbers(&loaded);
        if changed {
            self.swap(loaded);
        }
        refused.extend(remembered.err().map(TrustError::from));
        ReloadReport {
            changed,
            may_pass: refused.iter().any(TrustError::may_pass),
            refused: refused.iter().map(TrustError::to_string).collect(),
            trust: self.report(),
        }
    }

    fn remember_numbers(&self, loaded: &[Trusted]) -> Result<(), CrlNumbersError> {
        let lists = loaded.iter().flat_map(|trusted| trusted.crls().lists());
        self.numbers.remember(lists.map(|list| (&list.issuer, list.issuer_name.as_str(), list.number)))
    }

    fn swap(&self, loaded: Vec<Trusted>) {
        self.present.store(Arc::new(loaded));
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// What is trusted now.
    pub fn report(&self) -> TrustReport {
        let now = self.clock.now();
        TrustReport::of(self.present.load().iter().map(|trusted| trusted.summary(now)).collect(), now)
    }

    /// Counts up whenever what is trusted changes.
    pub fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Wakes up whenever [`Self::generation`] counts up.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// The clock was set: every session is judged again. Counts the generation up.
    pub(super) fn clock_was_set(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// The time by which this store judges.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// The files and folders that revocation lists come from.
    pub(super) fn crl_sources(&self) -> Vec<PathBuf> {
        self.present.load().iter().flat_map(|trusted| trusted.config.crl.iter().cloned()).collect()
    }

    /// What the clock alone has changed since this was last asked, so that the log can say so. Counts the generation up
    /// then: live sessions end with their anchor and, with `deny-all`, when a list becomes too old.
    pub(super) fn aged(&self) -> Aged {
        let now = self.clock.now();
        let present = self.present.load();
        let lists: Vec<_> = present.iter().flat_map(|trusted| trusted.freshness(now)).collect();
        let ended: Vec<_> = present.iter().flat_map(|trusted| trusted.ended_anchors(now)).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.lists == lists && known.ended == ended {
            return Aged::default();
        }
        let before = std::mem::replace(&mut *known, Known { lists, ended });
        let is_news = |list: &CrlReport| {
            let earlier = before.lists.iter().find(|(issuer, _)| *issuer == list.authority);
            list.freshness != earlier.map_or(Freshness::Current, |(_, freshness)| *freshness)
        };
        let summaries = present.iter().map(|trusted| trusted.summary(now));
        let lists = summaries.flat_map(|summary| summary.crls).filter(is_news).collect();
        let ended = known.ended.iter().filter(|anchor| !before.ended.contains(anchor)).cloned().collect();
        drop(known);
        let aged = Aged { lists, ended };
        if !aged.lists.is_empty() || !aged.ended.is_empty() {
            self.generation.send_modify(|generation| *generation += 1);
        }
        aged
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
        let leaf = PeerCertificate::parse(leaf).map_err(|error| {
            Refusal::new(Reason::BadSignature, format!("the certificate proves nothing: {error}"))
        })?;
        if intermediates.len() > MAX_INTERMEDIATES {
            let evidence = format!(
                "the chain proves nothing: {} certificates came with the client's, and more than {MAX_INTERMEDIATES} are \
                 not looked at",
                intermediates.len()
            );
            return Err(leaf.refused(Reason::BadSignature, evidence));
        }
        let present = self.present.load();
        let now = self.clock.now();
        let mut fault = (Reason::UnknownCa, "no trust is loaded".to_owned());
        // The trust whose anchor has the issuer's name comes first; no two vouch for one certificate (see
        // `refuse_ambiguity`), so the order only saves work, and finds the fault that explains most.
        let (named, others): (Vec<_>, Vec<_>) =
            present.iter().partition(|trusted| trusted.names_issuer_of(&leaf));
        for trusted in named.into_iter().chain(others) {
            match trusted.judge(&leaf, intermediates, now) {
                Ok(chain) => return Ok(chain),
                Err((Reason::UnknownCa, evidence)) if fault.0 == Reason::UnknownCa => {
                    fault = (Reason::UnknownCa, evidence);
                }
                Err((Reason::UnknownCa, _)) => {}
                Err(other) if fault.0 == Reason::UnknownCa => fault = other,
                Err(_) => {}
            }
        }
        let (reason, evidence) = fault;
        Err(leaf.refused(reason, evidence))
    }

    /// Judges a live session again by what can have changed since: anchors, revocation, staleness, and the clock.
    pub fn recheck(&self, device: &VerifiedDevice) -> Result<(), Refusal> {
        let chain = device.chain();
        let present = self.present.load();
        let verdict = match present.iter().find(|trusted| trusted.config.name == *chain.trust_name()) {
            Some(trusted) => trusted.judge_again(chain, self.clock.now()),
            None => Err((Reason::UnknownCa, format!("there is no trust {} any more", chain.trust_name()))),
        };
        verdict.map_err(|(reason, evidence)| chain.leaf().refused(reason, evidence))
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore").field("generation", &self.generation()).finish_non_exhaustive()
    }
}
