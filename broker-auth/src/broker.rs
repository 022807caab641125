//! A running broker: everything loaded, then listening, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::admin::{AdminSocket, Operated, OperatedListener};
use crate::audit::LostLines;
use crate::cli;
use crate::config::{Config, EngineConfig};
use crate::engine::Engine;
use crate::listener::Listener;
use crate::session::Hub;
use crate::trust::{Clock, CrlNumbers, ServerCertificate, TrustStore, watch};

/// How long sessions have to deliver what waits and to say good-bye when the broker stops.
const GOODBYE: Duration = Duration::from_secs(5);

/// How often the engine is looked at.
const ENGINE_CHECK: Duration = Duration::from_millis(500);

/// A broker that listens.
pub(crate) struct Broker {
    hub: Arc<Hub>,
    addresses: Vec<SocketAddr>,
    listening: Vec<JoinHandle<()>>,
}

/// Why a broker does not run.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) what: String,
    pub(crate) help: &'static str,
}

impl Failure {
    pub(crate) fn refused(error: impl std::fmt::Display) -> Self {
        let help = "countersign-broker check says all that is wrong with the configuration";
        Self { code: cli::INPUT_REFUSED, what: error.to_string(), help }
    }

    pub(crate) fn failed(what: impl std::fmt::Display, help: &'static str) -> Self {
        Self { code: cli::FAILED, what: what.to_string(), help }
    }
}

impl Broker {
    /// Loads everything that `config` names, then listens: nobody gets in on half a configuration.
    pub(crate) async fn start(
        config: &Config,
        clock: Arc<dyn Clock>,
        lost_lines: LostLines,
    ) -> Result<Self, Failure> {
        let numbers = Arc::new(CrlNumbers::open(&config.state_directory()).map_err(Failure::refused)?);
        let EngineConfig::Rumqttd = config.engine;
        let max_sessions = config.listeners.iter().map(|listener| listener.limits.max_sessions).sum();
        let engine = Engine::start(max_sessions, config.limits.max_publishing_bytes)
            .map_err(|error| Failure::failed(error, "free memory or threads on this machine"))?;
        let hub = Arc::new(Hub::new(engine, Arc::clone(&clock), max_sessions, config.limits));

        let mut loaded = Vec::new();
        for listener in &config.listeners {
            let trust = TrustStore::empty(Arc::clone(&clock), Arc::clone(&numbers));
            let report = trust.load(&listener.trusts).map_err(Failure::refused)?;
            for warning in &report.warnings {
                tracing::warn!(warning);
            }
            let certificate = ServerCertificate::load(&listener.server_cert, &listener.server_key)
                .map_err(Failure::refused)?;
            if let Some(warning) = certificate.warning() {
                tracing::warn!(warning);
            }
            loaded.push((listener, trust, certificate));
        }
        let admin = AdminSocket::bind(&config.state_directory().join("admin.sock")).map_err(|error| {
            let what =
                format!("the admin socket in {} cannot be used: {error}", config.state_directory().display());
            Failure::failed(what, "stop the other broker, or give this one a shorter path of its own")
        })?;
        let mut operated = Vec::new();
        let mut listeners = Vec::new();
        for (listener, trust, certificate) in loaded {
            let bound =
                Listener::bind(&hub, &trust, &certificate, config, listener).await.map_err(|error| {
                    Failure::failed(
                        format!("cannot listen on {}: {error}", listener.address),
                        "choose another --listen address",
                    )
                })?;
            let address =
                bound.address().map_err(|error| Failure::failed(error, "choose another --listen address"))?;
            operated.push(OperatedListener { address, trust, certificate });
            listeners.push(bound);
        }
        let watched = watch(
            operated.iter().map(|listener| Arc::clone(&listener.trust)).collect(),
            operated.iter().map(|listener| Arc::clone(&listener.certificate)).collect(),
        );
        let addresses = operated.iter().map(|listener| listener.address).collect();
        let operated = Arc::new(Operated {
            hub: Arc::clone(&hub),
            listeners: operated,
            engine: "rumqttd",
            started: Instant::now(),
            lost_lines,
        });
        tokio::spawn(watched);
        tokio::spawn(admin.run(operated));
        let listening = listeners.into_iter().map(|listener| tokio::spawn(listener.run())).collect();
        Ok(Self { hub, addresses, listening })
    }

    /// Where its listeners are, in the order of the configuration.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits until the engine is gone for good.
    pub(crate) async fn engine_ended(&self) {
        while self.hub.engine.is_alive() {
            tokio::time::sleep(ENGINE_CHECK).await;
        }
    }

    /// Accepts nobody any more, and has every session deliver what waits and say good-bye, as far as it does so in time.
    pub(crate) async fn stop(self) {
        self.hub.stop();
        let goodbye = async {
            for listener in self.listening {
                // A listener that panicked has stopped too.
                let _ = listener.await;
            }
            while self.hub.registry.len() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            tracing::warn!(
                sessions = self.hub.registry.len(),
                "the broker stops without waiting for its last sessions"
            );
        }
        tracing::info!(undelivered = self.hub.counters.dropped_stopping.get(), "stopped");
    }
}

#[cfg(test)]
mod tests;
