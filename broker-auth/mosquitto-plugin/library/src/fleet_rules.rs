//! [`FleetRules`]: what the `broker.toml` of a fleet says, in force inside mosquitto.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use authenticator::ruleset::Ruleset;
use broker_rules::clock::SystemClock;
use broker_rules::config::HostedConfig;
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, RulesetStore};
use broker_rules::watch::{Happened, RulesWatch, WATCH_INTERVAL};
use mosquitto_plugin::gate::Rules;
use mosquitto_plugin::log::{Level, Log};
use rustls_pki_types::UnixTime;

/// Who these rules are read for.
const HOST: &str = "mosquitto";

/// What the `broker.toml` of a fleet says, in force inside mosquitto.
pub(crate) struct FleetRules {
    file: PathBuf,
    rules: Arc<RulesetStore>,
    watch: RefCell<RulesWatch>,
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
        let warnings = started.replaced.iter().cloned().chain(refused()).chain(config.policy_warnings());
        warnings.for_each(|warning| log.write(Level::Warning, &format!("countersign: {warning}")));
        let watch = RefCell::new(RulesWatch::of([Arc::clone(&rules)]));
        Ok(Self { file: file.to_owned(), rules, watch, looked: Cell::new(None), log })
    }

    fn read_again(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let config = HostedConfig::load(&self.file, HOST)?;
        let built = self.rules.build(&config.trusts, &config.access, config.mode, None)?;
        Ok(self.rules.install(built).unwrap_or_default())
    }
}

impl Rules for FleetRules {
    fn in_force(&self) -> Arc<Ruleset> {
        Arc::clone(&self.rules.present())
    }

    fn time(&self, _: UnixTime) -> UnixTime {
        self.rules.now()
    }

    fn look(&self, _: UnixTime) {
        if self.looked.get().is_some_and(|looked| looked.elapsed() < WATCH_INTERVAL) {
            return;
        }
        self.looked.set(Some(Instant::now()));
        for happened in self.watch.borrow_mut().look() {
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
        Happened::ListInForce { .. } => Level::Notice,
        Happened::ClockSet { .. } | Happened::RevocationLost(_) | Happened::Freshness(_) => Level::Warning,
        Happened::ListRefused(_) | Happened::AnchorExpired { .. } => Level::Error,
    }
}
