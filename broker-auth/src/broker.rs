//! A running broker: everything loaded, then listening, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use broker_rules::clock::Clock;
use broker_rules::factors::{FactorStore, LoadedFactors};
use broker_rules::state_directory::StateDirectory;
use broker_rules::store::{CrlNumbers, KnownNamespaces, LoadError, RulesetStore};
use embedded::{Engine, Hub};
use fetch::Fetcher;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::admin::{AdminContext, AdminServer};
use crate::audit::{Events, LostLines};
use crate::config::{Config, EngineConfig};
use crate::counters::Counters;
use crate::evidence::{FetchKeys, Gatherers, OcspAnswers, SecondFactors};
use crate::fetches::Fetches;
use crate::http::HttpContext;
use crate::listener::{Listener, VirtualHost, VirtualHosts};
use crate::recheck::RulesRecheck;
use crate::reconfigure::{GovernedListener, Reconfiguration};
use crate::reload::{watch, watch_origin_tls, watch_second_factors};
use crate::start_error::StartError;
use crate::threads::Threads;
use crate::transport::ServerCertificate;

/// How long sessions have to deliver what waits and to disconnect their clients when the broker stops.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How long a start waits for what is fetched: a list that was fetched before, or kept, and such a key set, is in force until
/// the new one is there, and so a server that hangs keeps nobody out for longer.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// How often the engine is looked at.
const ENGINE_CHECK: Duration = Duration::from_millis(500);

/// A broker that listens.
pub(crate) struct Broker {
    hub: Arc<Hub>,
    addresses: Vec<SocketAddr>,
    listening: Vec<JoinHandle<()>>,
    reconfiguration: Arc<Reconfiguration>,
    /// What runs on them ends with the broker.
    _threads: [Threads; 2],
}

impl Broker {
    /// Loads everything that `config` names, then listens: no client is admitted by half a configuration. `written` is the
    /// same as its file has it, without what the command line and the machine have changed.
    pub(crate) async fn start(
        config: &Config,
        written: &Config,
        clock: Arc<dyn Clock>,
        lost_lines: LostLines,
    ) -> Result<Self, StartError> {
        let state = StateDirectory::prepare(&config.state)
            .map_err(|error| StartError::failed(&error, error.help()))?;
        for file in &state.adopted {
            tracing::info!(file = %file.display(), "taken over into the state directory");
        }
        let no_threads = |error| StartError::failed(error, "free memory or threads on this machine");
        let control = Threads::for_control().map_err(no_threads)?;
        // Before anything is written into the directory, or fetched: it may be another broker's. The socket belongs to the
        // threads that it is bound on.
        let bind = || {
            let _on = control.handle().enter();
            AdminServer::bind(&config.state.admin_socket(), state.admin_group)
        };
        let admin = bind().map_err(|error| {
            let what = format!("the admin socket in {} cannot be used: {error}", state.path().display());
            StartError::failed(what, "stop the other broker, or give this one a state directory of its own")
        })?;
        let numbers = Arc::new(CrlNumbers::open(state.path()).map_err(StartError::refused)?);
        let EngineConfig::Rumqttd = config.engine;
        let max_sessions =
            config.listeners.iter().map(|listener| listener.settings.limits.session.max_sessions).sum();
        let engine = Engine::start(max_sessions, config.limits.max_publishing_bytes)
            .map_err(|error| StartError::failed(error, "free memory or threads on this machine"))?;
        let unix_time = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.now())
        };
        let counters = Arc::new(Counters::default());
        let events_wanted = Arc::new(AtomicBool::new(config.access.policies.give_events()));
        let (events, waiting) = Events::new(Arc::clone(&events_wanted), Arc::clone(&counters));
        let hub = Arc::new(Hub::new(engine, unix_time, Arc::new(events), max_sessions, config.limits));
        // The hub holds what these come from: they end with it.
        let told = Arc::downgrade(&hub);
        let announce = move |topic: String, payload| {
            let hub = told.upgrade();
            async move {
                if let Some(hub) = hub {
                    // An engine that has no room in time has none for messages of clients either, and says so.
                    let _ = hub.announce(&topic, payload).await;
                }
            }
        };
        tokio::spawn(waiting.publish(announce));

        let fetcher = Fetcher::new(&config.fetch.roots)
            .map_err(|error| StartError::Refused { what: error.to_string(), help: error.help() })?;
        let threads = control.handle().clone();
        let fetches = Arc::new(Fetches::new(fetcher.clone(), &config.fetch, Arc::clone(&clock), threads));
        fetches.follow(&config.fetched_files);
        fetches.fetch_all(START_PATIENCE).await;

        let factors = LoadedFactors::read(&config.second_factors, clock.now())
            .map_err(|error| StartError::Refused { what: error.to_string(), help: error.help() })?;
        for warning in factors.warnings(clock.now()) {
            tracing::warn!(warning);
        }
        let fetch_keys = Arc::clone(&fetches) as Arc<dyn FetchKeys>;
        let factors = Arc::new(FactorStore::new(factors, Arc::clone(&clock)));
        let gatherers = Arc::new(Gatherers {
            ocsp: OcspAnswers::new(fetcher, config.fetch.interval),
            second_factors: Arc::new(SecondFactors::new(Arc::clone(&factors), fetch_keys)),
        });

        let mut loaded = Vec::new();
        let (mut is_usable, mut missing) = (false, None);
        for listener in &config.listeners {
            let rules = RulesetStore::of_listener(
                Arc::clone(&clock),
                Arc::clone(&numbers),
                Arc::clone(&config.access),
                listener.mode,
                listener.transport.http_rules().cloned(),
            );
            gatherers.serve(&rules);
            let started = rules.start(&listener.trusts).map_err(StartError::refused)?;
            for why in &started.replaced {
                tracing::warn!("{why}");
            }
            for why in &started.refused {
                tracing::error!("{why}: clients that need it are refused until it is there (stale_crl)");
            }
            // What is fetched may come later.
            is_usable |= started.is_usable || started.refused.iter().any(LoadError::is_of_fetched);
            missing = missing.or_else(|| started.refused.into_iter().next());
            for warning in &started.trust.warnings {
                tracing::warn!(warning);
            }
            let certificate = ServerCertificate::load(
                &listener.server_cert,
                &listener.server_key,
                &listener.settings.server_names.names,
            )
            .map_err(StartError::refused)?;
            for warning in certificate.warnings() {
                tracing::warn!(warning);
            }
            let front = listener.transport.load().map_err(StartError::refused)?;
            loaded.push((listener, rules, certificate, front));
        }
        if let Some(missing) = missing.filter(|_| !is_usable) {
            return Err(StartError::refused(missing));
        }
        let namespaces = KnownNamespaces::open(state.path());
        let present: Vec<_> = loaded.iter().map(|(_, rules, ..)| rules.present()).collect();
        for warning in namespaces.remember(present.iter().flat_map(|rules| rules.trusts())) {
            tracing::warn!(warning);
        }
        drop(present);
        let handshakes = Threads::for_handshakes().map_err(no_threads)?;
        let hosts = loaded.into_iter().map(|(listener, rules, certificate, front)| {
            let settings = listener.settings.clone();
            let recheck = RulesRecheck::by(Arc::clone(&rules));
            let http = front.map(|front| {
                Arc::new(HttpContext {
                    hub: Arc::clone(&hub),
                    counters: Arc::clone(&counters),
                    rules: Arc::clone(&rules),
                    recheck: Arc::clone(&recheck),
                    gatherers: Arc::clone(&gatherers),
                    settings: front.settings,
                    origin: front.origin,
                    listener: settings.place,
                    head_timeout: settings.limits.listener.connect_timeout,
                })
            });
            Arc::new(VirtualHost { rules, recheck, certificate, http, settings })
        });
        let (mut governed, mut listeners, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for hosts in VirtualHosts::by_socket(hosts) {
            let hosts_there: Vec<_> = hosts.iter().map(Arc::clone).collect();
            let wanted = hosts.settings().address;
            let sessions = Handle::current();
            let bind = || {
                let _on = handshakes.handle().enter();
                Listener::bind(&hub, &counters, &gatherers, &sessions, hosts)
            };
            let bound = bind().map_err(|error| {
                StartError::failed(
                    format!("cannot listen on {wanted}: {error}"),
                    "choose another --listen address",
                )
            })?;
            let address = bound
                .address()
                .map_err(|error| StartError::failed(error, "choose another --listen address"))?;
            governed.extend(hosts_there.into_iter().map(|host| (address, host)));
            addresses.push(address);
            listeners.push(bound);
        }
        governed.sort_by_key(|(_, host)| host.settings.place);
        let governed: Vec<_> = governed
            .into_iter()
            .map(|(address, host)| GovernedListener {
                address,
                server_names: host.settings.server_names.clone(),
                rules: Arc::clone(&host.rules),
                certificate: Arc::clone(&host.certificate),
                origin_tls: host.origin_tls().map(Arc::clone),
            })
            .collect();
        let keep_fresh = Arc::clone(&gatherers.ocsp).keep_fresh();
        let factors_watched = watch_second_factors(factors);
        let watched = watch(
            governed.iter().map(|listener| Arc::clone(&listener.rules)).collect(),
            governed
                .iter()
                .map(|listener| (Arc::clone(&listener.certificate), Arc::clone(&listener.rules)))
                .collect(),
        );
        let origins_watched =
            watch_origin_tls(governed.iter().filter_map(|listener| listener.origin_tls.clone()).collect());
        let reconfiguration = Arc::new(Reconfiguration::new(
            written.clone(),
            governed,
            namespaces,
            events_wanted,
            fetches,
            gatherers,
        ));
        let context = Arc::new(AdminContext {
            hub: Arc::clone(&hub),
            counters,
            reconfiguration: Arc::clone(&reconfiguration),
            engine: "rumqttd",
            started: Instant::now(),
            lost_lines,
        });
        control.handle().spawn(keep_fresh);
        control.handle().spawn(factors_watched);
        control.handle().spawn(watched);
        control.handle().spawn(origins_watched);
        control.handle().spawn(admin.run(context));
        let listening =
            listeners.into_iter().map(|listener| handshakes.handle().spawn(listener.run())).collect();
        Ok(Self { hub, addresses, listening, reconfiguration, _threads: [handshakes, control] })
    }

    /// Where it listens, in the order of the configuration.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reads the configuration and all that it names again, and puts it in force.
    pub(crate) async fn reconfigure(&self) {
        let reconfiguration = Arc::clone(&self.reconfiguration);
        // What it came to is in the log, and in the status.
        let _ = tokio::task::spawn_blocking(move || reconfiguration.run().is_ok()).await;
    }

    /// Waits until the engine is gone for good.
    pub(crate) async fn engine_ended(&self) {
        while self.hub.engine.is_alive() {
            tokio::time::sleep(ENGINE_CHECK).await;
        }
    }

    /// Accepts no more connections, and has every session deliver what waits and disconnect, as far as it does so in time.
    pub(crate) async fn stop(self) {
        self.hub.stop();
        let sessions_end = async {
            for listener in self.listening {
                // A listener that panicked has stopped too.
                let _ = listener.await;
            }
            while self.hub.registry.count() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(STOP_DEADLINE, sessions_end).await.is_err() {
            tracing::warn!(
                sessions = self.hub.registry.count(),
                "the broker stops without waiting for its last sessions"
            );
        }
        tracing::info!(undelivered = self.hub.counters().dropped_stopping.get(), "stopped");
    }
}

#[cfg(test)]
mod tests;
