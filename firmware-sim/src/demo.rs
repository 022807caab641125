//! The demo: a throw-away fleet, from the factory to the refused device.
//!
//! | module | what it knows |
//! |---|---|
//! | [`scenario`] | the steps of the demo, in order |
//! | [`fleet`] | the factory: init, order, service, revoke, each a process |
//! | [`broker`], [`device`] | the broker and the devices, each a process |
//! | [`service`], [`probe`] | MQTT clients in this process: the back end, and one attempt to connect or publish |
//! | [`impostors`] | one file per impostor |
//! | [`processes`], [`lines`], [`workspace`] | starting and ending processes; reading their output; their files |
//! | [`options`], [`screen`], [`report`] | what the command line asks for; the steps as they happen; the table at the end |
//! | [`kept_fleet`] | what `--keep` leaves running |
//! | [`tls`], [`error`] | TLS for the clients of this process; why the demo cannot go on |

mod broker;
mod device;
mod error;
mod fleet;
mod impostors;
mod kept_fleet;
mod lines;
mod options;
mod probe;
mod processes;
mod report;
mod scenario;
mod screen;
mod service;
mod tls;
mod workspace;

use std::process::ExitCode;
use std::sync::mpsc::channel;

pub use options::Options;
use processes::Processes;
use screen::Screen;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Exit code after Ctrl-C, as shells count it: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the demo. No process that it started is left running, except the broker of a kept fleet.
pub fn run(options: Options) -> ExitCode {
    let screen = Screen::new();
    let processes = Processes::default();
    let (finished, scenario_ended) = oneshot::channel();
    let (result, outcome) = channel();
    let (for_scenario, for_shutdown) = (processes.clone(), processes.clone());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return screen.fail(&error, "the system refuses a thread or a file descriptor"),
    };
    // The scenario waits for processes in blocking calls; this thread waits for the scenario, or for Ctrl-C.
    let scenario = std::thread::spawn(move || {
        // The receiver is gone after Ctrl-C.
        let _ = result.send(scenario::run(&options, screen, &for_scenario));
        let _ = finished.send(());
    });
    let interrupted = runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            let _ = scenario_ended.await;
            return false;
        };
        tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            _ = scenario_ended => false,
        }
    });
    if interrupted {
        for_shutdown.stop_all();
        // The scenario fails as soon as its processes are gone; its return removes the temporary fleet.
        let _ = scenario.join();
        return ExitCode::from(INTERRUPTED);
    }
    match outcome.recv() {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(error)) => screen.fail(&error, error.help()),
        // The scenario panicked; the panic message is on stderr.
        Err(_) => {
            for_shutdown.stop_all();
            ExitCode::FAILURE
        }
    }
}
