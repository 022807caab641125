//! [`Reconfiguration`]: reading broker.toml again while the broker runs, and putting it in force.
//!
//! Everything is read and built whole first; then it is swapped in. What needs a restart, or cannot be read, changes
//! nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authenticator::evidence::OcspEvidence;
use authenticator::trust::VerifiedChain;
use broker_rules::config::{ConfigError, ServerNames};
use broker_rules::factors::{FactorStore, LoadedFactors, SecondFactorError};
use broker_rules::store::{KnownNamespaces, LoadError, RulesetStore, TimeFloorError};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

use crate::config::Config;
use crate::evidence::Gatherers;
use crate::fetches::Fetches;
use crate::transport::{OriginTls, OriginTlsError, ServerCertificate, ServerCertificateError};

/// How long a reload waits for what is fetched. Whoever asked for it waits no longer than ten seconds.
const RELOAD_PATIENCE: Duration = Duration::from_secs(5);

/// A running broker's configuration, and what it governs.
pub(crate) struct Reconfiguration {
    file: PathBuf,
    /// As the file had it when it was last put in force.
    present: Mutex<Config>,
    listeners: Vec<GovernedListener>,
    namespaces: KnownNamespaces,
    /// Whether a policy lets anybody hear events.
    events_wanted: Arc<AtomicBool>,
    gatherers: Arc<Gatherers>,
    fetches: Arc<Fetches>,
    /// Why the last attempt was refused, until one succeeds.
    refused: Mutex<Option<String>>,
}

/// What a listener decides by.
pub(crate) struct GovernedListener {
    pub(crate) address: SocketAddr,
    /// The names that clients ask for it by.
    pub(crate) server_names: ServerNames,
    pub(crate) rules: Arc<RulesetStore>,
    pub(crate) certificate: Arc<ServerCertificate>,
    /// The TLS by which its origin is asked, if it is.
    pub(crate) origin_tls: Option<Arc<OriginTls>>,
}

/// What putting a configuration in force came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Whether anything is different.
    pub(crate) changed: bool,
    /// What should be looked at.
    pub(crate) warnings: Vec<String>,
}

/// Why a configuration is not put in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconfigureError {
    /// The file is no configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something in it is fixed while the broker runs.
    #[error("{} changes what needs a restart: {}", file.display(), keys.join(", "))]
    NeedsRestart {
        /// The configuration.
        file: PathBuf,
        /// Which keys.
        keys: Vec<String>,
    },
    /// A trust of a listener cannot be loaded.
    #[error("listener {address}: {source}")]
    Trust {
        /// The listener.
        address: SocketAddr,
        /// Why.
        source: Box<LoadError>,
    },
    /// A file of second factors cannot be used.
    #[error(transparent)]
    SecondFactor(#[from] SecondFactorError),
    /// A server certificate cannot be used.
    #[error("listener {address}: {source}")]
    Certificate {
        /// The listener.
        address: SocketAddr,
        /// Why.
        source: ServerCertificateError,
    },
    /// A file by which an origin is asked cannot be used.
    #[error("listener {address}: [listener.upstream-tls]: {source}")]
    OriginTls {
        /// The listener.
        address: SocketAddr,
        /// Why.
        source: Box<OriginTlsError>,
    },
}

impl Reconfiguration {
    /// What is in force: `config`, as its file has it, governs `listeners` in the same order.
    pub(crate) fn new(
        config: Config,
        listeners: Vec<GovernedListener>,
        namespaces: KnownNamespaces,
        events_wanted: Arc<AtomicBool>,
        fetches: Arc<Fetches>,
        gatherers: Arc<Gatherers>,
    ) -> Self {
        let file = config.file.clone();
        Self {
            file,
            present: Mutex::new(config),
            listeners,
            namespaces,
            events_wanted,
            fetches,
            gatherers,
            refused: Mutex::default(),
        }
    }

    /// The listeners, in the order of the configuration.
    pub(crate) fn listeners(&self) -> &[GovernedListener] {
        &self.listeners
    }

    /// What is known by OCSP of a certificate.
    pub(crate) fn remembered_by_ocsp(
        &self,
        rules: &RulesetStore,
        chain: &VerifiedChain,
        now: UnixTime,
    ) -> OcspEvidence {
        let Some(allow) = rules.allowed_responders(chain) else { return OcspEvidence::NotAsked };
        self.gatherers.ocsp.remembered(&allow, chain, now)
    }

    /// What second factors are verified by.
    pub(crate) fn second_factors(&self) -> &FactorStore {
        self.gatherers.second_factors.store()
    }

    /// The time of the clock.
    pub(crate) fn clock_time(&self) -> UnixTime {
        self.time_of(RulesetStore::clock_time)
    }

    /// The time that it cannot be earlier than.
    pub(crate) fn time_floor(&self) -> UnixTime {
        self.time_of(RulesetStore::time_floor)
    }

    /// What all listeners have in common.
    fn time_of(&self, time: impl Fn(&RulesetStore) -> UnixTime) -> UnixTime {
        let first = self.listeners.first();
        first.map_or(UnixTime::since_unix_epoch(Duration::ZERO), |listener| time(&listener.rules))
    }

    /// Lowers the time floor, which all listeners share. Returns what it was.
    ///
    /// # Errors
    /// It is no higher, or cannot be kept.
    pub(crate) fn lower_time_floor(&self, now: UnixTime) -> Result<UnixTime, TimeFloorError> {
        let stores = self.listeners.iter().map(|listener| &listener.rules);
        RulesetStore::lower_time_floor(stores, now)
    }

    /// The files that are fetched.
    pub(crate) fn fetches(&self) -> &Fetches {
        &self.fetches
    }

    /// Why the last attempt was refused, if it was.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().clone()
    }

    /// Reads everything again and puts it in force. One attempt at a time.
    ///
    /// # Errors
    /// Nothing has changed.
    pub(crate) fn run(&self) -> Result<Outcome, ReconfigureError> {
        let mut present = self.present.lock();
        let outcome = self.put_in_force(&mut present);
        *self.refused.lock() = outcome.as_ref().err().map(ToString::to_string);
        match &outcome {
            Ok(Outcome { changed, warnings }) => {
                if *changed {
                    tracing::info!(file = %self.file.display(), "the configuration was read again");
                }
                for warning in warnings {
                    tracing::warn!(warning);
                }
            }
            Err(error) => {
                tracing::error!("the configuration is refused, the present one stays in force: {error}");
            }
        }
        outcome
    }

    fn put_in_force(&self, present: &mut Config) -> Result<Outcome, ReconfigureError> {
        let config = Config::load(&self.file)?;
        let keys = needs_restart(present, &config);
        if !keys.is_empty() {
            return Err(ReconfigureError::NeedsRestart { file: self.file.clone(), keys });
        }
        // A file that is new must be there before what needs it is built; one that is not is fetched as before.
        let both = present.fetched_files.iter().chain(&config.fetched_files);
        self.fetches.follow(&both.cloned().collect::<Vec<_>>());
        self.fetches.fetch_all_blocking(RELOAD_PATIENCE);
        let outcome = self.build_and_install(present, config);
        // One that takes longer goes on coming, and is there for the next attempt.
        let is_on_its_way = match &outcome {
            Err(ReconfigureError::Trust { source, .. }) => source.is_of_fetched(),
            Err(ReconfigureError::SecondFactor(error)) => error.is_of_fetched(),
            _ => false,
        };
        if !is_on_its_way {
            self.fetches.follow(&present.fetched_files);
        }
        outcome
    }

    fn build_and_install(&self, present: &mut Config, config: Config) -> Result<Outcome, ReconfigureError> {
        let is_new = config.text != present.text;
        // Policies that say the same are not replaced: no session need be judged by them again.
        let access = if is_new { &config.access } else { &present.access };
        let mut built = Vec::new();
        for (governed, listener) in self.listeners.iter().zip(&config.listeners) {
            let address = governed.address;
            let rules = governed
                .rules
                .build(&listener.trusts, access, listener.mode, listener.transport.http_rules())
                .map_err(|source| ReconfigureError::Trust { address, source: Box::new(source) })?;
            let certificate = governed
                .certificate
                .build(governed.rules.now())
                .map_err(|source| ReconfigureError::Certificate { address, source })?;
            let origin_tls = governed
                .origin_tls
                .as_ref()
                .map(|tls| tls.build().map(|loaded| (tls, loaded)))
                .transpose()
                .map_err(|source| ReconfigureError::OriginTls { address, source: Box::new(source) })?;
            built.push((governed, rules, certificate, origin_tls));
        }
        let now = self.clock_time();
        let factors = LoadedFactors::read(&config.second_factors, now)?;
        let factors = self.second_factors().refuse_loss(factors)?;
        let mut warnings = factors.warnings(now);
        let mut changed = is_new;
        for (governed, rules, certificate, origin_tls) in built {
            changed |= origin_tls.is_some_and(|(tls, loaded)| tls.install(loaded));
            let installed = [governed.rules.install(rules), governed.certificate.install(certificate)];
            for of_installed in installed.into_iter().flatten() {
                changed = true;
                warnings.extend(of_installed);
            }
        }
        // After the rules: where they do not ask for a factor any more, nobody is judged by it.
        changed |= self.second_factors().install(factors);
        // What has not been put in force is not kept either: the next reload compares with what is.
        if is_new {
            self.events_wanted.store(config.access.policies.give_events(), Ordering::Relaxed);
            let rules: Vec<_> = self.listeners.iter().map(|listener| listener.rules.present()).collect();
            warnings.extend(self.namespaces.remember(rules.iter().flat_map(|rules| rules.trusts())));
            warnings.extend(config.policy_warnings());
            warnings.extend(config.https_warnings());
            *present = config;
        }
        Ok(Outcome { changed, warnings })
    }
}

/// The keys that differ and that a running broker cannot follow.
fn needs_restart(present: &Config, wanted: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    let mut differs = |is_different: bool, key: &str| {
        if is_different {
            keys.push(key.to_owned());
        }
    };
    differs(present.engine != wanted.engine, "[engine]");
    differs(present.limits != wanted.limits, "[limits]");
    differs(present.state != wanted.state, "[state]");
    differs(present.fetch != wanted.fetch, "[fetch]");
    differs(present.listeners.len() != wanted.listeners.len(), "the number of [[listener]]");
    for (number, (one, other)) in present.listeners.iter().zip(&wanted.listeners).enumerate() {
        let mut differs = |is_different: bool, key: &str| {
            differs(is_different, &format!("{key} of [[listener]] {}", number + 1));
        };
        differs(one.settings.address != other.settings.address, "address");
        differs(one.settings.server_names != other.settings.server_names, "server-names");
        differs(one.settings.tls_versions != other.settings.tls_versions, "tls-versions");
        differs(one.settings.alpn != other.settings.alpn, "alpn");
        differs(one.settings.proxies != other.settings.proxies, "proxy");
        differs(one.settings.limits != other.settings.limits, "[listener.limits]");
        for key in one.transport.restart_keys(&other.transport) {
            differs(true, key);
        }
        differs(one.server_cert != other.server_cert, "server-cert");
        differs(one.server_key != other.server_key, "server-key");
    }
    keys
}
