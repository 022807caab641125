//! The demo: a throw-away fleet, from the factory to the refused device.
//!
//! | module | what it knows |
//! |---|---|
//! | [`story`] | what happens, in order |
//! | [`fleet`] | the factory: init, order, service, revoke, each a process |
//! | [`broker`], [`device`] | the broker and the devices, each a process |
//! | [`service`], [`visitor`] | MQTT clients in this process: the back end, and whoever knocks with the wrong papers |
//! | [`impostors`] | one file per impostor |
//! | [`processes`], [`lines`], [`place`] | starting and ending processes; what they print, as it comes; their files |
//! | [`screen`], [`report`] | the steps as they happen; the table at the end |

mod broker;
mod device;
mod fleet;
mod impostors;
mod kept;
mod lines;
mod place;
mod processes;
mod report;
mod screen;
mod service;
mod story;
mod tls;
mod trouble;
mod visitor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::channel;

use processes::Processes;
use screen::Screen;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What may differ from one demo to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many devices connect.
    pub devices: u8,
    /// Where the fleet stays, with its broker running.
    pub keep: Option<PathBuf>,
}

/// Exit code after Ctrl-C, as shells count it: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs the demo. Whatever happens, no process it started is left, unless it was asked to leave the broker.
pub fn run(options: Options) -> ExitCode {
    let screen = Screen::new();
    let processes = Processes::default();
    let (told, ended) = oneshot::channel();
    let (result, outcome) = channel();
    let (for_story, for_the_end) = (processes.clone(), processes.clone());
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return screen.fail(&error, "the system refuses a thread or a file descriptor"),
    };
    // The story waits for processes in plain blocking calls; this thread waits for the story, or for Ctrl-C.
    let story = std::thread::spawn(move || {
        // Nobody waits any more after Ctrl-C.
        let _ = result.send(story::tell(&options, screen, &for_story));
        let _ = told.send(());
    });
    let interrupted = runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            let _ = ended.await;
            return false;
        };
        tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
            _ = ended => false,
        }
    });
    if interrupted {
        for_the_end.stop_all();
        // With its processes gone the story soon fails; its end removes the temporary fleet.
        let _ = story.join();
        return ExitCode::from(INTERRUPTED);
    }
    match outcome.recv() {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Ok(false)) => ExitCode::FAILURE,
        Ok(Err(trouble)) => screen.fail(&trouble, trouble.help()),
        // The story panicked, and has said so.
        Err(_) => {
            for_the_end.stop_all();
            ExitCode::FAILURE
        }
    }
}
