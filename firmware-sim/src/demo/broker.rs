//! The broker: `countersign-broker run --fleet DIR` as a process, and its log.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::error::DemoError;
use super::fleet::Fleet;
use super::lines::{Lines, text};
use super::processes::{Process, Processes};
use crate::reexec::{Program, exit_with_stdin};

/// How long the broker may take to listen, or to write an expected line of its log.
const BROKER_TIMEOUT: Duration = Duration::from_secs(10);

/// A running broker.
pub(super) struct Broker {
    process: Process,
    log: Lines,
    log_path: PathBuf,
    /// Closing it ends the broker. `None` for a broker that is kept.
    _stdin: Option<ChildStdin>,
}

impl Broker {
    /// Starts the broker and waits until it listens. With `keep` it may outlive this process.
    pub(super) fn start(
        processes: &Processes,
        fleet: &Fleet,
        log_path: &Path,
        port: u16,
        keep: bool,
    ) -> Result<Self, DemoError> {
        let program = Program::Broker;
        let start = |source| DemoError::Start { program: program.name(), source };
        let file = |source| DemoError::File { path: log_path.to_owned(), source };
        // A file, not a pipe: a kept broker logs after this process has ended.
        let stderr = File::create(log_path).map_err(file)?;
        let mut command = program.command().map_err(start)?;
        command
            .args(["run", "--log-format", "json", "--listen", &format!("127.0.0.1:{port}"), "--fleet"])
            .arg(fleet.dir())
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(stderr);
        if keep {
            // A process group of its own: Ctrl-C in this terminal must not end it.
            command.stdin(Stdio::null()).process_group(0);
        } else {
            exit_with_stdin(&mut command);
            command.stdin(Stdio::piped());
        }
        let (mut stdout, mut stdin) = (None, None);
        let process = processes.start(program, &mut command, |child| {
            stdout = child.stdout.take();
            stdin = child.stdin.take();
        })?;
        let log = Lines::follow_file(log_path, processes)?;
        let mut broker = Self { process, log, log_path: log_path.to_owned(), _stdin: stdin };
        let mut stdout = stdout
            .map(Lines::from_pipe)
            .ok_or_else(|| DemoError::Setup("the broker has no stdout".into()))?;
        let listening = stdout.next("the line `listening` of the broker", BROKER_TIMEOUT, |line| {
            line.starts_with("listening ").then_some(())
        });
        match listening {
            Ok(_) => Ok(broker),
            // The log says why it does not listen.
            Err(_) => {
                broker.log.next::<()>("the broker listening", Duration::ZERO, |_| None)?;
                Ok(broker)
            }
        }
    }

    /// The `reason` of the next refusal in the log whose `event` is this one.
    pub(super) fn next_refusal(&mut self, event: &str) -> Result<String, DemoError> {
        let what = format!("a refused {event} in the log of the broker");
        let wanted = |entry: &Value| text(entry, "outcome") == "refused" && text(entry, "event") == event;
        let (_, entry) = self.log.next_entry(&what, BROKER_TIMEOUT, wanted)?;
        Ok(text(&entry, "reason").to_owned())
    }

    /// The process id of the broker.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Leaves the broker running. Returns its process id and the path of its log.
    pub(super) fn keep(self) -> (u32, PathBuf) {
        (self.process.release(), self.log_path)
    }
}
