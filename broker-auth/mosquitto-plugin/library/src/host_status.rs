//! [`HostStatus`]: how the plugin is. mosquitto's thread writes it, and operators read it without that.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use authenticator::certificate::timestamp;
use broker_rules::protocol::{ListenerLine, Reported, Status, TrustLine};
use broker_rules::store::RulesetStore;
use mosquitto_plugin::gate::Denials;

use crate::fleet_rules::{FleetRules, HOST, RefusedReload};
use crate::log_lines::LogLines;

/// How the plugin is.
pub(crate) struct HostStatus {
    rules: Arc<RulesetStore>,
    refused_reload: RefusedReload,
    lines: Arc<LogLines>,
    started: Instant,
    sessions: AtomicUsize,
    /// What has happened since the start.
    pub(crate) counters: Counters,
}

/// What has happened since the start, by the names that the broker has for it.
#[derive(Default)]
pub(crate) struct Counters {
    /// CONNECTs accepted.
    pub(crate) connects: Count,
    /// CONNECTs refused.
    pub(crate) connects_refused: Count,
    /// Sessions closed because their certificate is no longer good, or for what they did.
    pub(crate) sessions_cut: Count,
    /// Publishes refused.
    publishes_denied: Count,
    /// Subscriptions refused.
    subscriptions_denied: Count,
    /// Deliveries that the permit does not allow.
    deliveries_denied: Count,
    /// Events that could not be told, because too many waited.
    pub(crate) events_lost: Count,
}

/// One counter.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// One more.
    pub(crate) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl HostStatus {
    /// How a plugin is that starts with these rules; `lines`: what is on its way to the log.
    pub(crate) fn of(rules: &FleetRules, lines: Arc<LogLines>) -> Self {
        Self {
            rules: Arc::clone(rules.store()),
            refused_reload: rules.refused_reload(),
            lines,
            started: Instant::now(),
            sessions: AtomicUsize::new(0),
            counters: Counters::default(),
        }
    }

    /// What the gate counts.
    pub(crate) fn note(&self, sessions: usize, denials: Denials) {
        self.sessions.store(sessions, Ordering::Relaxed);
        self.counters.publishes_denied.set(denials.publishes);
        self.counters.subscriptions_denied.set(denials.subscriptions);
        self.counters.deliveries_denied.set(denials.deliveries);
    }

    /// The same for operators. What only mosquitto knows (messages kept and queued, what its listeners present) is `null`.
    pub(crate) fn status(&self) -> Status {
        let rules = &self.rules;
        let listener = ListenerLine {
            address: HOST.to_owned(),
            server_names: Vec::new(),
            trust_generation: rules.generation(),
            server_certificate_not_after: None,
            server_certificate: None,
            refused: rules.refused_files(),
            transport: "tls".to_owned(),
            mode: rules.present().mode().as_str().to_owned(),
            reported: Reported::of(rules),
            trusts: TrustLine::all_of(rules),
        };
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            engine: HOST.to_owned(),
            engine_alive: true,
            engine_rebuilds: None,
            sessions: self.sessions.load(Ordering::Relaxed),
            retained_messages: None,
            retained_bytes: None,
            queued_bytes: None,
            log_lines_lost: self.lines.lost(),
            reload_refused: self.refused_reload.get(),
            second_factors_refused: None,
            tokens_refused: None,
            clock: timestamp(rules.clock_time()),
            time_floor: timestamp(rules.time_floor()),
            listeners: vec![listener],
            fetched_lists: Vec::new(),
            fetched_key_sets: Vec::new(),
            counters: self
                .counters
                .values()
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count.0.load(Ordering::Relaxed).into()))
                .collect(),
        }
    }
}

impl Counters {
    fn values(&self) -> [(&'static str, &Count); 7] {
        [
            ("connects", &self.connects),
            ("connects_refused", &self.connects_refused),
            ("sessions_cut", &self.sessions_cut),
            ("publishes_denied", &self.publishes_denied),
            ("subscriptions_denied", &self.subscriptions_denied),
            ("deliveries_denied", &self.deliveries_denied),
            ("events_lost", &self.events_lost),
        ]
    }
}
