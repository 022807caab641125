//! `run`

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use broker_rules::clock::SystemClock;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::RunArgs;
use crate::audit::{Log, LostLines};
use crate::broker::Broker;
use crate::config::{Config, ListenerConfig};
use crate::descriptors;
use crate::exit;
use crate::start_error::StartError;

pub(crate) fn run(args: &RunArgs) -> ExitCode {
    let ended = match Log::start(args.log_format) {
        // The log ends before the last word.
        Ok(log) => run_logged(args, log.lost()),
        Err(error) => Err(StartError::failed(error, "free memory or threads on this machine")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Refused { what, help }) => exit::fail(exit::INPUT_REFUSED, what, help),
        Err(StartError::Usage { what, help }) => exit::fail(exit::USAGE, what, help),
        Err(StartError::Failed { what, help }) => exit::fail(exit::FAILED, what, help),
    }
}

fn run_logged(args: &RunArgs, lost_lines: LostLines) -> Result<(), StartError> {
    let mut config = Config::load(&args.config.file()).map_err(|error| StartError::Refused {
        what: error.to_string(),
        help: "countersign-broker check says all that is wrong with it",
    })?;
    let written = config.clone();
    if let Some(address) = args.listen {
        let mut others = config.listeners.iter().skip(1);
        let first = config.listeners.first();
        let is_one_address = |other: &ListenerConfig| {
            first.is_some_and(|first| first.settings.shares_a_socket_with(&other.settings))
        };
        if !others.all(is_one_address) {
            return Err(StartError::Usage {
                what: "--listen needs a configuration with exactly one listener",
                help: "leave it out, or change the addresses in the configuration",
            });
        }
        for listener in &mut config.listeners {
            listener.settings.address = address;
        }
    }
    if let Some(shortage) = descriptors::fit(&mut config.listeners, descriptors::raise_limit()) {
        tracing::warn!(
            wanted = shortage.wanted,
            granted = shortage.granted,
            "there are fewer file descriptors than max-connections needs: raise the limit (ulimit -n, LimitNOFILE=)"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| StartError::failed(error, "free memory or threads on this machine"))?;
    let ended = runtime.block_on(serve(&config, &written, lost_lines));
    // Threads of the engine and blocking look-ups need not be waited for.
    runtime.shutdown_background();
    ended
}

async fn serve(config: &Config, written: &Config, lost_lines: LostLines) -> Result<(), StartError> {
    for path in config.exposed_secrets() {
        tracing::warn!(path = %path.display(), "a broker needs no such secret: give its host what export-broker writes");
    }
    for warning in config.policy_warnings().into_iter().chain(config.https_warnings()) {
        tracing::warn!(warning);
    }
    // From the first moment, a signal stops it in order.
    let mut signals = Signals::listen()?;
    let broker = Broker::start(config, written, Arc::new(SystemClock), lost_lines).await?;
    for address in broker.addresses() {
        announce(*address);
    }
    let outcome = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Stop => break Ok(()),
                Asked::Reload => broker.reconfigure().await,
            },
            () = broker.engine_ended() => break Err(StartError::failed(
                "the embedded MQTT engine has stopped",
                "have the broker restarted by its service manager; persistent sessions start anew",
            )),
        }
    };
    broker.stop().await;
    outcome
}

/// The line that scripts wait for. A full disk under stdout is no reason not to serve.
fn announce(address: SocketAddr) {
    tracing::info!(%address, "listening");
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = writeln!(stdout, "listening {address}").and_then(|()| stdout.flush()) {
        tracing::warn!(%error, "stdout cannot be told where the broker listens");
    }
}

/// What a signal asks for.
enum Asked {
    Stop,
    Reload,
}

/// SIGTERM and SIGINT stop the broker; SIGHUP has it read its configuration again, and never kills it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self, StartError> {
        let listen = |kind| {
            signal(kind).map_err(|error| StartError::failed(error, "run it where signals can be received"))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for any of them.
    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}
