//! [`FleetRules`]: what the `broker.toml` of a fleet says, in force inside mosquitto.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::identity::Client;
use authenticator::policy::Permit;
use authenticator::ruleset::Ruleset;
use broker_rules::clock::{Clock, SystemClock};
use broker_rules::config::HostedConfig;
use broker_rules::factors::{BlockingFactors, Credentials, FactorStore, LoadedFactors};
use broker_rules::protocol::Reloaded;
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, KnownNamespaces, RulesetStore};
use broker_rules::watch::{FactorsWatch, Happened, RulesWatch, WATCH_INTERVAL};
use mosquitto_plugin::callbacks::Login;
use mosquitto_plugin::gate::Rules;
use mosquitto_plugin::log::{Level, Log};
use parking_lot::Mutex;
use rustls_pki_types::UnixTime;

use crate::file_watch::FileWatch;

/// Who these rules are read for.
pub(crate) const HOST: &str = "mosquitto";

/// After a fault files are looked at again only then: the fault may come again.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(1);

/// What the `broker.toml` of a fleet says, in force inside mosquitto.
pub(crate) struct FleetRules {
    /// As the file had it when it was last put in force.
    present: RefCell<HostedConfig>,
    rules: Arc<RulesetStore>,
    namespaces: KnownNamespaces,
    factors: BlockingFactors,
    watch: RefCell<FileWatch>,
    started: Instant,
    refused: RefusedReload,
    log: Rc<dyn Log>,
}

/// Why the last reload was refused, until one succeeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedReload(Arc<Mutex<Option<String>>>);

impl RefusedReload {
    /// That reason, if there is one.
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

impl FleetRules {
    /// Reads all that `config` names.
    ///
    /// # Errors
    /// There are no rules by which anybody could get in.
    pub(crate) fn load(
        config: HostedConfig,
        state: &StateDirectory,
        log: Rc<dyn Log>,
    ) -> Result<Self, Box<dyn Error>> {
        let numbers = Arc::new(CrlNumbers::open(state.path())?);
        let access = Arc::clone(&config.access);
        let rules = RulesetStore::of_listener(Arc::new(SystemClock), numbers, access, config.mode, None);
        let started = rules.start(&config.trusts)?;
        let refused = || started.refused.iter().map(ToString::to_string);
        if !started.is_usable {
            return Err(refused().collect::<Vec<_>>().join("; ").into());
        }
        let now = SystemClock.now();
        let loaded = LoadedFactors::read(&config.second_factors, now)?;
        let namespaces = KnownNamespaces::open(state.path());
        let renamed = namespaces.remember(rules.present().trusts().iter());
        let warnings = started.replaced.iter().cloned().chain(refused()).chain(config.policy_warnings());
        warnings
            .chain(renamed)
            .chain(loaded.warnings(now))
            .for_each(|warning| log.write(Level::Warning, &format!("countersign: {warning}")));
        let factors = Arc::new(FactorStore::new(loaded, Arc::new(SystemClock)));
        factors.serve(&rules);
        let watch = watch(&rules, &factors, WATCH_INTERVAL)?;
        Ok(Self {
            present: RefCell::new(config),
            rules,
            namespaces,
            factors: BlockingFactors::new(factors),
            watch: RefCell::new(watch),
            started: Instant::now(),
            refused: RefusedReload::default(),
            log,
        })
    }

    /// The rules in force.
    pub(crate) fn store(&self) -> &Arc<RulesetStore> {
        &self.rules
    }

    /// Where it is said why the last reload was refused.
    pub(crate) fn refused_reload(&self) -> RefusedReload {
        self.refused.clone()
    }

    /// Reads the configuration and all that it names again, and puts it in force, or changes nothing.
    pub(crate) fn read_again(&self) -> Reloaded {
        let outcome = self.put_in_force().map_err(|error| error.to_string());
        *self.refused.0.lock() = outcome.as_ref().err().cloned();
        match outcome {
            Ok(reloaded) => {
                self.log.write(Level::Notice, "countersign: the rules were read again");
                for warning in &reloaded.warnings {
                    self.log.write(Level::Warning, &format!("countersign: {warning}"));
                }
                reloaded
            }
            Err(error) => {
                let text =
                    format!("countersign: the rules are refused, the present ones stay in force: {error}");
                self.log.write(Level::Error, &text);
                Reloaded { refused: vec![error], ..Reloaded::default() }
            }
        }
    }

    /// A fault has ended the thread that looks at the files: what is in force stays so, and another one looks.
    fn watch_again(&self) {
        let text =
            "countersign: reading the files failed; the present rules stay in force, and are read again";
        self.log.write(Level::Error, text);
        match watch(&self.rules, self.factors.store(), PAUSE_AFTER_FAULT) {
            Ok(watch) => drop(self.watch.replace(watch)),
            Err(error) => self.log.write(Level::Error, &format!("countersign: they cannot be: {error}")),
        }
    }

    fn put_in_force(&self) -> Result<Reloaded, Box<dyn Error>> {
        let mut present = self.present.borrow_mut();
        let config = HostedConfig::load(&present.file, HOST)?;
        if config.state != present.state {
            return Err(format!("{} changes what needs a restart: [state]", config.file.display()).into());
        }
        let is_new = config.text != present.text;
        // Policies that say the same are not replaced: no session need be judged by them again.
        let access = if is_new { &config.access } else { &present.access };
        let built = self.rules.build(&config.trusts, access, config.mode, None)?;
        let now = SystemClock.now();
        let loaded = LoadedFactors::read(&config.second_factors, now)?;
        let mut warnings = loaded.warnings(now);
        let installed = self.rules.install(built);
        let changed = is_new || installed.is_some();
        warnings.extend(installed.unwrap_or_default());
        // After the rules: where they do not ask for a factor any more, nobody is judged by it.
        self.factors.store().install(loaded);
        if is_new {
            warnings.extend(self.namespaces.remember(self.rules.present().trusts().iter()));
            warnings.extend(config.policy_warnings());
            *present = config;
        }
        Ok(Reloaded { changed, refused: Vec::new(), warnings })
    }
}

impl Rules for FleetRules {
    fn in_force(&self) -> Arc<Ruleset> {
        Arc::clone(&self.rules.present())
    }

    fn time(&self, _: UnixTime) -> UnixTime {
        self.rules.now()
    }

    fn generation(&self) -> u64 {
        self.rules.generation()
    }

    fn verify_factor(
        &self,
        kind: FactorKind,
        client: &Client,
        login: &Login<'_>,
        now: UnixTime,
    ) -> FactorEvidence {
        let shown = Credentials { user_name: login.user_name, secret: login.password };
        let begin = self.started.elapsed();
        let looked = self.factors.ask(kind, client, &shown, now, || self.started.elapsed());
        if let Some(cost) = &looked.cost {
            let text = format!(
                "countersign: mosquitto has waited {} ms for a password of {} (m={},t={},p={})",
                self.started.elapsed().saturating_sub(begin).as_millis(),
                client.identity().qualified(),
                cost.memory_kib(),
                cost.passes(),
                cost.lanes()
            );
            self.log.write(Level::Info, &text);
        }
        looked.evidence
    }

    fn factor_of_session(&self, permit: &Permit) -> FactorEvidence {
        permit.factor().map_or(FactorEvidence::NotAsked, |factor| self.factors.store().of_session(factor))
    }

    fn look(&self, _: UnixTime) {
        let news = self.watch.borrow_mut().news();
        let Ok(news) = news else { return self.watch_again() };
        for happened in news {
            self.log.write(level(&happened), &format!("countersign: {happened}"));
        }
    }

    fn reload(&self, _: UnixTime) {
        // What it came to is in the log, and in the status.
        let _ = self.read_again();
    }
}

fn watch(rules: &Arc<RulesetStore>, factors: &Arc<FactorStore>, pause: Duration) -> io::Result<FileWatch> {
    FileWatch::start(RulesWatch::of([Arc::clone(rules)]), FactorsWatch::of(Arc::clone(factors)), pause)
}

fn level(happened: &Happened) -> Level {
    match happened {
        Happened::ListInForce { .. } | Happened::FactorsInForce => Level::Notice,
        Happened::ClockSet { .. } | Happened::RevocationLost(_) | Happened::Freshness(_) => Level::Warning,
        Happened::ListRefused(_) | Happened::FactorsRefused(_) | Happened::AnchorExpired { .. } => {
            Level::Error
        }
    }
}
