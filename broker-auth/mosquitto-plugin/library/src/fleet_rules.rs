//! [`FleetRules`]: what the `broker.toml` of a fleet says, in force inside mosquitto.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use authenticator::evidence::FactorEvidence;
use authenticator::factor::FactorKind;
use authenticator::identity::Client;
use authenticator::policy::Permit;
use authenticator::ruleset::Ruleset;
use broker_rules::clock::{Clock, SystemClock};
use broker_rules::config::HostedConfig;
use broker_rules::factors::{BlockingFactors, Credentials, FactorStore, LoadedFactors};
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, RulesetStore};
use broker_rules::watch::{FactorsWatch, Happened, RulesWatch, WATCH_INTERVAL};
use mosquitto_plugin::callbacks::Login;
use mosquitto_plugin::gate::Rules;
use mosquitto_plugin::log::{Level, Log};
use rustls_pki_types::UnixTime;

/// Who these rules are read for.
const HOST: &str = "mosquitto";

/// What the `broker.toml` of a fleet says, in force inside mosquitto.
pub(crate) struct FleetRules {
    file: PathBuf,
    rules: Arc<RulesetStore>,
    factors: BlockingFactors,
    watch: RefCell<(RulesWatch, FactorsWatch)>,
    started: Instant,
    /// When the files were looked at last.
    looked: Cell<Option<Instant>>,
    log: Rc<dyn Log>,
}

impl FleetRules {
    /// Reads `file`, and all that it names.
    ///
    /// # Errors
    /// There are no rules, or none by which anybody could get in.
    pub(crate) fn load(file: &Path, log: Rc<dyn Log>) -> Result<Self, Box<dyn Error>> {
        let config = HostedConfig::load(file, HOST)?;
        let state = StateDirectory::prepare(&config.state)?;
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
        let warnings = started.replaced.iter().cloned().chain(refused()).chain(config.policy_warnings());
        let warnings = warnings.chain(loaded.warnings(now));
        warnings.for_each(|warning| log.write(Level::Warning, &format!("countersign: {warning}")));
        let factors = Arc::new(FactorStore::new(loaded, Arc::new(SystemClock)));
        factors.serve(&rules);
        let watch = (RulesWatch::of([Arc::clone(&rules)]), FactorsWatch::of(Arc::clone(&factors)));
        Ok(Self {
            file: file.to_owned(),
            rules,
            factors: BlockingFactors::new(factors),
            watch: RefCell::new(watch),
            started: Instant::now(),
            looked: Cell::new(None),
            log,
        })
    }

    fn read_again(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let config = HostedConfig::load(&self.file, HOST)?;
        let built = self.rules.build(&config.trusts, &config.access, config.mode, None)?;
        let now = SystemClock.now();
        let loaded = LoadedFactors::read(&config.second_factors, now)?;
        let mut warnings = loaded.warnings(now);
        warnings.extend(self.rules.install(built).unwrap_or_default());
        // After the rules: where they do not ask for a factor any more, nobody is judged by it.
        self.factors.store().install(loaded);
        Ok(warnings)
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
        let looked = self.factors.ask(kind, client, &shown, now, begin);
        if let Some(cost) = &looked.cost {
            let text = format!(
                "countersign: mosquitto has waited {} ms for a password of {} (m={},t={},p={})",
                self.started.elapsed().saturating_sub(begin).as_millis(),
                client.identity(),
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
        if self.looked.get().is_some_and(|looked| looked.elapsed() < WATCH_INTERVAL) {
            return;
        }
        self.looked.set(Some(Instant::now()));
        let (rules, factors) = &mut *self.watch.borrow_mut();
        for happened in rules.look().into_iter().chain(factors.look()) {
            self.log.write(level(&happened), &format!("countersign: {happened}"));
        }
    }

    fn reload(&self, _: UnixTime) {
        match self.read_again() {
            Ok(warnings) => {
                self.log.write(Level::Notice, "countersign: the rules were read again");
                warnings
                    .iter()
                    .for_each(|warning| self.log.write(Level::Warning, &format!("countersign: {warning}")));
            }
            Err(error) => {
                let text =
                    format!("countersign: the rules are refused, the present ones stay in force: {error}");
                self.log.write(Level::Error, &text);
            }
        }
    }
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
