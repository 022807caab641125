//! [`RulesetStore`]: the rules of one listener that are in force, swapped as a whole.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use authenticator::certificate::Fingerprint;
use authenticator::decide::{Decision, Granted, Request, Standing, decide};
use authenticator::evidence::Evidence;
use authenticator::http::HttpRules;
use authenticator::origin::Origin;
use authenticator::policy::{ClientId, Permit};
use authenticator::reason::Refusal;
use authenticator::ruleset::{AccessRules, Mode, Ruleset};
use authenticator::trust::{
    ChainResult, CrlReport, Freshness, LoadedTrust, OcspAllow, OcspMode, TrustConfig, TrustLoad, TrustReport,
    VerifiedChain,
};
use parking_lot::Mutex;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::crl_numbers::CrlNumbers;
use super::legacy_leaves::LegacyLeaves;
use super::live_evidence::LiveEvidence;
use super::load_error::LoadError;
use super::reported_clients::ReportedClients;
use super::time_floor::TimeFloorError;
use super::trust_files::TrustFiles;
use crate::clock::Clock;

/// Tells somebody of a new generation.
type TellChange = Box<dyn Fn(u64) + Send + Sync>;

/// What one listener decides by. It can be loaded anew at any time, while handshakes and sessions go on.
pub struct RulesetStore {
    clock: Arc<dyn Clock>,
    numbers: Arc<CrlNumbers>,
    present: ArcSwap<Ruleset>,
    /// One loader at a time; deciding takes no lock.
    loading: Mutex<()>,
    /// What the clock had changed when that was last looked at.
    seen: Mutex<Status>,
    legacy_leaves: LegacyLeaves,
    reported: ReportedClients,
    generation: AtomicU64,
    /// Who is told that it has counted up.
    told: Mutex<Vec<TellChange>>,
    /// What is known of live sessions beside their certificates.
    live_evidence: OnceLock<Arc<dyn LiveEvidence>>,
    /// Why files were refused when the lists were last read.
    refused: Mutex<Vec<String>>,
}

/// What the clock alone changes.
#[derive(Debug, Default)]
struct Status {
    lists: Vec<(Fingerprint, Freshness)>,
    expired: Vec<String>,
}

/// What the clock alone has changed.
#[derive(Debug, Default)]
pub struct StatusChanges {
    /// The lists whose freshness has changed.
    pub lists: Vec<CrlReport>,
    /// The subjects of the anchors that have expired.
    pub expired: Vec<String>,
}

/// What a reload of the revocation lists did.
#[derive(Clone, Debug, Default)]
pub struct ReloadReport {
    /// Whether anything is different from before.
    pub changed: bool,
    /// Why files were refused; their earlier contents stay.
    pub refused: Vec<String>,
    /// Whether one of them may be accepted later as it is.
    pub may_pass: bool,
    /// Which certificates were revoked for good, and are on no list any more.
    pub lost: Vec<String>,
    /// What is trusted now.
    pub trust: TrustReport,
}

/// What a broker starts with.
#[derive(Debug, Default)]
pub struct StartReport {
    /// For which refused files a kept list is in force, and how old it is.
    pub replaced: Vec<String>,
    /// What is missing: clients that need it are refused.
    pub refused: Vec<LoadError>,
    /// Whether any trust can admit anybody.
    pub is_usable: bool,
    /// What is trusted now.
    pub trust: TrustReport,
}

impl RulesetStore {
    /// A store without trusts that enforces: every client is refused until some are loaded.
    pub fn new(clock: Arc<dyn Clock>, numbers: Arc<CrlNumbers>, access: Arc<AccessRules>) -> Arc<Self> {
        Self::of_listener(clock, numbers, access, Mode::Enforce, None)
    }

    /// A store without trusts: nobody is proven until some are loaded. `http`: which paths are whose, in front of an origin.
    pub fn of_listener(
        clock: Arc<dyn Clock>,
        numbers: Arc<CrlNumbers>,
        access: Arc<AccessRules>,
        mode: Mode,
        http: Option<Arc<HttpRules>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            numbers,
            present: ArcSwap::from_pointee(Ruleset::without_trust(mode, access).with_http(http)),
            reported: ReportedClients::default(),
            loading: Mutex::default(),
            seen: Mutex::default(),
            legacy_leaves: LegacyLeaves::default(),
            generation: AtomicU64::new(0),
            told: Mutex::default(),
            live_evidence: OnceLock::new(),
            refused: Mutex::default(),
        })
    }

    /// Loads `trusts` whole, with `access`, `mode` and `http`, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn build(
        &self,
        trusts: &[TrustConfig],
        access: &Arc<AccessRules>,
        mode: Mode,
        http: Option<&Arc<HttpRules>>,
    ) -> Result<Ruleset, LoadError> {
        let present = self.present.load();
        let time_for_lists = self.time_for_lists();
        let loaded = trusts
            .iter()
            .map(|config| {
                let earlier = present.trusts().iter().find(|trust| *trust.name() == config.name);
                TrustLoad::read(config, earlier, &TrustFiles(&self.numbers), time_for_lists)
                    .and_then(TrustLoad::complete)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let loaded = Ruleset::new(mode, loaded, Arc::clone(access))?.with_http(http.cloned());
        loaded.refuse_unusable(self.now())?;
        Ok(loaded)
    }

    /// Puts rules in force that [`Self::build`] has loaded. `None`: they are the present ones; else what should be looked at.
    pub fn install(&self, mut loaded: Ruleset) -> Option<Vec<String>> {
        let _loading = self.loading.lock();
        // A list that was published while these were loaded is never replaced by an older one. What is refused now is
        // refused, and logged, by the watcher too.
        loaded.reload_crls(&TrustFiles(&self.numbers), self.time_for_lists());
        let present = self.present.load();
        if loaded.is_same(&present) {
            return None;
        }
        let lost = loaded.lost_revocations(&present, self.now());
        if let Err(error) = self.remember(loaded.trusts()) {
            // Revoking comes first: a full disk must not keep a stolen device in.
            tracing::error!(%error, "the numbers of the revocation lists cannot be kept");
        }
        self.swap(loaded);
        self.numbers.lists().keep(self.present.load().trusts(), false);
        Some(lost)
    }

    /// Loads `trusts` for a broker that starts: where a revocation list is refused or gone, the last good one of its CA is
    /// in force, as it would be had the broker gone on.
    ///
    /// # Errors
    /// A CA certificate is not what it should be, two trusts could vouch for one certificate, or no anchor at all is valid.
    pub fn start(&self, trusts: &[TrustConfig]) -> Result<StartReport, LoadError> {
        let _loading = self.loading.lock();
        let (newest, now, source) = (self.time_for_lists(), self.now(), TrustFiles(&self.numbers));
        let mut report = StartReport { is_usable: trusts.is_empty(), ..StartReport::default() };
        let mut loaded = Vec::new();
        for config in trusts {
            let started =
                TrustLoad::read(config, None, &source, newest)?.with_kept_lists(&source, newest, now);
            report.is_usable |= started.is_usable;
            report.replaced.extend(started.replaced);
            report.refused.extend(started.refused.into_iter().map(LoadError::from));
            loaded.push(started.trust);
        }
        let present = self.present.load();
        let loaded = Ruleset::new(present.mode(), loaded, Arc::clone(present.access()))?
            .with_http(present.http().cloned());
        loaded.refuse_unusable(now)?;
        match self.remember(loaded.trusts()) {
            // As it would have gone on: a full disk must not keep a fleet out. The watcher tries again.
            Err(error) if error.is_of_full_disk() => {
                tracing::error!(%error, "the numbers of the revocation lists cannot be kept");
            }
            remembered => remembered?,
        }
        self.numbers.lists().keep(loaded.trusts(), false);
        self.swap(loaded);
        report.trust = self.report();
        Ok(report)
    }

    /// Loads `trusts` whole and swaps them in; on an error, what was trusted before stays.
    ///
    /// # Errors
    /// A file is not what it should be, two trusts could vouch for one certificate, or no anchor at all is valid.
    pub fn load(&self, trusts: &[TrustConfig]) -> Result<TrustReport, LoadError> {
        let _loading = self.loading.lock();
        let present = self.present.load();
        let loaded = self.build(trusts, present.access(), present.mode(), present.http())?;
        self.remember(loaded.trusts())?;
        self.numbers.lists().keep(loaded.trusts(), false);
        self.swap(loaded);
        Ok(self.report())
    }

    /// Reads the revocation lists again. A list that is refused leaves its predecessor in force.
    pub fn reload_crls(&self) -> ReloadReport {
        let _loading = self.loading.lock();
        let present = self.present.load();
        let mut loaded = present.as_ref().clone();
        let mut refused: Vec<LoadError> = loaded
            .reload_crls(&TrustFiles(&self.numbers), self.time_for_lists())
            .into_iter()
            .map(LoadError::from)
            .collect();
        let changed = !loaded.has_same_crls(&present);
        // Revoking comes first: a full disk must not keep a stolen device in.
        let remembered = self.remember(loaded.trusts());
        let lost = if changed { loaded.lost_revocations(&present, self.now()) } else { Vec::new() };
        if changed {
            self.swap(loaded);
        }
        // Copies are made when revoking is done.
        self.numbers.lists().keep(self.present.load().trusts(), refused.is_empty());
        refused.extend(remembered.err());
        let may_pass = refused.iter().any(LoadError::may_pass);
        let refused: Vec<_> = refused.iter().map(LoadError::to_string).collect();
        self.refused.lock().clone_from(&refused);
        ReloadReport { changed, may_pass, refused, lost, trust: self.report() }
    }

    /// Remembers how new the lists are that come into force.
    fn remember(&self, loaded: &[LoadedTrust]) -> Result<(), LoadError> {
        let lists = || loaded.iter().flat_map(LoadedTrust::crls);
        let raised = self.numbers.floor().raise(lists());
        self.numbers.remember(lists())?;
        raised.map_err(LoadError::from)
    }

    fn swap(&self, loaded: Ruleset) {
        self.present.store(Arc::new(loaded));
        self.count_up();
    }

    fn count_up(&self) {
        let generation = self.generation.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.told.lock().iter().for_each(|tell| tell(generation));
    }

    /// Has `tell` called, with the generation, whenever that counts up: live sessions must be judged again by
    /// [`Self::recheck`]. It is called by whoever has changed something, and must neither wait nor call this store.
    pub fn on_change(&self, tell: impl Fn(u64) + Send + Sync + 'static) {
        self.told.lock().push(Box::new(tell));
    }

    /// The rules in force.
    pub fn present(&self) -> Guard<Arc<Ruleset>> {
        self.present.load()
    }

    /// The certificates that were let in by `legacy-leaf = "warn"` since the start. Loading trusts anew forgets none.
    pub fn legacy_leaves(&self) -> &LegacyLeaves {
        &self.legacy_leaves
    }

    /// Who was noted by policies that only report, since the start.
    pub fn reported(&self) -> &ReportedClients {
        &self.reported
    }

    /// What is trusted now.
    pub fn report(&self) -> TrustReport {
        self.present.load().report(self.now())
    }

    /// Counts up whenever the rules, or what the clock makes of them, change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The clock was set: every session is judged again.
    pub fn clock_was_set(&self) {
        self.count_up();
    }

    /// Why files of revocation lists were refused when they were last read; what they held before is in force.
    pub fn refused_files(&self) -> Vec<String> {
        self.refused.lock().clone()
    }

    /// The time by which this store decides: that of the clock, unless a CA has said already that it is later.
    pub fn now(&self) -> UnixTime {
        self.clock.now().max(self.numbers.floor().get())
    }

    /// The time of the clock.
    pub fn clock_time(&self) -> UnixTime {
        self.clock.now()
    }

    /// Whether a CA has said already that it is later than the clock says. Such a clock tells nothing about what is of the
    /// future: it must not keep a revocation out.
    pub fn clock_is_behind(&self) -> bool {
        self.clock.now() < self.numbers.floor().get()
    }

    /// The time that a list may not be newer than.
    fn time_for_lists(&self) -> UnixTime {
        if self.clock_is_behind() { UnixTime::since_unix_epoch(Duration::MAX) } else { self.clock.now() }
    }

    /// The time that it cannot be earlier than.
    pub fn time_floor(&self) -> UnixTime {
        self.numbers.floor().get()
    }

    /// An operator vouches that it is `now`, although lists are in force that are newer. `stores` are all that share the
    /// floor. Returns what it was.
    ///
    /// # Errors
    /// The floor is no higher, or cannot be kept.
    pub fn lower_time_floor<'a>(
        stores: impl Iterator<Item = &'a Arc<Self>> + Clone,
        now: UnixTime,
    ) -> Result<UnixTime, TimeFloorError> {
        let Some(first) = stores.clone().next() else { return Ok(now) };
        // No list comes into force meanwhile.
        let _loading: Vec<_> = stores.clone().map(|store| store.loading.lock()).collect();
        let present: Vec<_> = stores.clone().map(|store| store.present.load_full()).collect();
        let trusts = present.iter().flat_map(|rules| rules.trusts());
        let before = first.numbers.floor().lower(now, trusts.flat_map(LoadedTrust::crls))?;
        stores.for_each(|store| store.count_up());
        Ok(before)
    }

    /// The files and folders that revocation lists come from.
    pub fn crl_sources(&self) -> Vec<PathBuf> {
        let present = self.present.load();
        present
            .trusts()
            .iter()
            .flat_map(|trust| trust.config().crl.iter().map(|source| source.path().to_owned()))
            .collect()
    }

    /// What the clock alone has changed since this was last asked, so that the log can say so. Counts the generation up
    /// then: live sessions end with their anchor and, with `deny-all`, when a list becomes too old.
    pub fn status_changes(&self) -> StatusChanges {
        let now = self.now();
        let present = self.present.load();
        let trusts = present.trusts();
        let lists: Vec<_> = trusts.iter().flat_map(|trust| trust.freshness(now)).collect();
        let expired: Vec<_> = trusts.iter().flat_map(|trust| trust.expired_anchors(now)).collect();
        let mut seen = self.seen.lock();
        if seen.lists == lists && seen.expired == expired {
            return StatusChanges::default();
        }
        let before = std::mem::replace(&mut *seen, Status { lists, expired });
        let is_news = |list: &CrlReport| {
            let earlier = before.lists.iter().find(|(issuer, _)| *issuer == list.authority);
            list.freshness != earlier.map_or(Freshness::Current, |(_, freshness)| *freshness)
        };
        let summaries = trusts.iter().map(|trust| trust.summary(now));
        let lists = summaries.flat_map(|summary| summary.crls).filter(is_news).collect();
        let expired =
            seen.expired.iter().filter(|anchor| !before.expired.contains(anchor)).cloned().collect();
        drop(seen);
        let changes = StatusChanges { lists, expired };
        if !changes.lists.is_empty() || !changes.expired.is_empty() {
            self.count_up();
        }
        changes
    }

    /// Proves what a client presented, leaf first, as of now.
    pub fn verify_chain(&self, presented: &[CertificateDer<'_>]) -> ChainResult {
        self.present.load().verify_chain(presented, self.now())
    }

    /// Decides what a client asks for, by what it presents and how it comes, as of now.
    pub fn decide(&self, chain: ChainResult, origin: Origin, request: &Request<'_>) -> Decision {
        self.decide_by(&Evidence::new(chain, self.now()).origin(origin), request)
    }

    /// Decides what a client asks for, by all that is known of it.
    pub fn decide_by(&self, evidence: &Evidence, request: &Request<'_>) -> Decision {
        decide(&self.present.load(), evidence, request)
    }

    /// Judges live sessions by what `live_evidence` knows of them. Told once.
    pub fn judge_sessions_by(&self, live_evidence: Arc<dyn LiveEvidence>) {
        // Whoever was told first stays.
        let _ = self.live_evidence.set(live_evidence);
    }

    /// What `live` knows, as of now, of the holder of `permit`, who has presented this chain. Nobody is asked.
    pub fn known_evidence(&self, live: &dyn LiveEvidence, chain: ChainResult, permit: &Permit) -> Evidence {
        let evidence = Evidence::new(chain, self.now()).factor(live.factor(permit));
        let ocsp = match &evidence.chain {
            ChainResult::Proven(chain) => {
                self.allowed_responders(chain).map(|allow| live.ocsp(&allow, chain, evidence.time))
            }
            ChainResult::Unproven(_) | ChainResult::NotPresented => None,
        };
        match ocsp {
            Some(ocsp) => evidence.ocsp(ocsp),
            None => evidence,
        }
    }

    /// The responders that may be asked about a certificate with this chain. `None`: its trust asks nobody.
    pub fn allowed_responders(&self, chain: &VerifiedChain) -> Option<Vec<OcspAllow>> {
        let present = self.present.load();
        let config = present.trust_of(chain)?.config();
        (config.ocsp != OcspMode::Off).then(|| config.ocsp_allow.clone())
    }

    /// Whether any of its trusts asks by OCSP.
    pub fn asks_responders(&self) -> bool {
        self.present.load().trusts().iter().any(|trust| trust.config().ocsp != OcspMode::Off)
    }

    /// What is known of clients beside their certificates has changed: every session is judged again.
    pub fn evidence_changed(&self) {
        self.count_up();
    }

    /// Judges a live session again, now, that was opened by `permit` under `client_id`.
    ///
    /// # Errors
    /// It must end.
    pub fn recheck(&self, permit: &Permit, client_id: &ClientId) -> Result<Standing, Refusal> {
        let chain = permit.client().chain();
        let evidence = match self.live_evidence.get() {
            Some(live) => self.known_evidence(&**live, chain, permit),
            None => Evidence::new(chain, self.now()),
        };
        match self.decide_by(&evidence, &Request::Continue(permit, client_id)).outcome? {
            Granted::Continued(standing) => Ok(standing),
            Granted::Handshake | Granted::Admitted { .. } | Granted::Asked { .. } | Granted::Http { .. } => {
                Ok(Standing::Unchanged)
            }
        }
    }
}

impl fmt::Debug for RulesetStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesetStore").field("generation", &self.generation()).finish_non_exhaustive()
    }
}
