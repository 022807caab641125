//! `run`

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout};

use crate::admin::{AdminSocket, Operated, OperatedListener};
use crate::args::RunArgs;
use crate::audit::start_logging;
use crate::cli;
use crate::config::{Config, EngineConfig};
use crate::engine::Engine;
use crate::listener::Listener;
use crate::session::Hub;
use crate::trust::{CrlNumbers, ServerCertificate, SystemClock, TrustStore, watch};

/// How long sessions have to say good-bye when the broker stops.
const GOODBYE: Duration = Duration::from_secs(5);

/// How often the engine is looked at.
const ENGINE_CHECK: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    start_logging(args.log_format);
    let mut config = match Config::load(&args.config.file()) {
        Ok(config) => config,
        Err(error) => {
            return cli::fail(
                cli::INPUT_REFUSED,
                error,
                "countersign-broker check says all that is wrong with it",
            );
        }
    };
    if let Some(address) = args.listen {
        let [listener] = config.listeners.as_mut_slice() else {
            let help = "leave it out, or change the addresses in the configuration";
            return cli::fail(cli::USAGE, "--listen needs a configuration with exactly one listener", help);
        };
        listener.address = address;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(cli::FAILED, error, "free memory or threads on this machine"),
    };
    let code = match runtime.block_on(serve(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => cli::fail(failure.code, failure.what, failure.help),
    };
    // Threads of the engine and blocking look-ups need not be waited for.
    runtime.shutdown_background();
    code
}

/// Why the broker does not run.
struct Failure {
    code: u8,
    what: String,
    help: &'static str,
}

impl Failure {
    fn refused(error: impl std::fmt::Display) -> Self {
        let help = "countersign-broker check says all that is wrong with the configuration";
        Self { code: cli::INPUT_REFUSED, what: error.to_string(), help }
    }

    fn failed(what: impl std::fmt::Display, help: &'static str) -> Self {
        Self { code: cli::FAILED, what: what.to_string(), help }
    }
}

async fn serve(config: &Config) -> Result<(), Failure> {
    for path in config.exposed_secrets() {
        tracing::warn!(path = %path.display(), "a broker needs no such secret: give its host what export-broker writes");
    }
    let clock = Arc::new(SystemClock);
    let numbers = Arc::new(CrlNumbers::open(&config.state_directory()).map_err(Failure::refused)?);
    let EngineConfig::Rumqttd = config.engine;
    let max_sessions = config.listeners.iter().map(|listener| listener.limits.max_sessions).sum();
    let engine = Engine::start(max_sessions, config.limits.max_publishing_bytes)
        .map_err(|error| Failure::failed(error, "free memory or threads on this machine"))?;
    let hub = Arc::new(Hub::new(engine, clock.clone(), max_sessions, config.limits));

    // Everything is loaded before anything listens: nobody gets in on half a configuration.
    let mut loaded = Vec::new();
    for listener in &config.listeners {
        let trust = TrustStore::empty(clock.clone(), Arc::clone(&numbers));
        let report = trust.load(&listener.trusts).map_err(Failure::refused)?;
        for warning in &report.warnings {
            tracing::warn!(warning);
        }
        let certificate =
            ServerCertificate::load(&listener.server_cert, &listener.server_key).map_err(Failure::refused)?;
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
        let bound = Listener::bind(&hub, &trust, &certificate, config, listener).await.map_err(|error| {
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
    let addresses: Vec<_> = operated.iter().map(|listener| listener.address).collect();
    let operated = Arc::new(Operated {
        hub: Arc::clone(&hub),
        listeners: operated,
        engine: "rumqttd",
        started: Instant::now(),
    });
    tokio::spawn(watched);
    tokio::spawn(admin.run(operated));
    let running: Vec<_> = listeners.into_iter().map(|listener| tokio::spawn(listener.run())).collect();
    for address in addresses {
        announce(address).map_err(|error| Failure::failed(error, "give the broker a stdout"))?;
    }

    let outcome = until_stopped(&hub).await;
    hub.stop();
    let goodbye = async {
        for listener in running {
            // A listener that panicked has stopped too.
            let _ = listener.await;
        }
        while hub.registry.len() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(GOODBYE, goodbye).await.is_err() {
        tracing::warn!(
            sessions = hub.registry.len(),
            "the broker stops without waiting for its last sessions"
        );
    }
    outcome
}

/// The line that scripts wait for.
fn announce(address: std::net::SocketAddr) -> std::io::Result<()> {
    tracing::info!(%address, "listening");
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening {address}")?;
    stdout.flush()
}

/// Waits for SIGTERM, SIGINT, or the end of the engine.
async fn until_stopped(hub: &Hub) -> Result<(), Failure> {
    let help = "run it where signals can be received";
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| Failure::failed(error, help))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Failure::failed(error, help))?;
    let engine_ended = async {
        while hub.engine.is_alive() {
            tokio::time::sleep(ENGINE_CHECK).await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        () = engine_ended => Err(Failure::failed(
            "the embedded MQTT engine has stopped",
            "have the broker restarted by its service manager; persistent sessions start anew",
        )),
    }
}
