//! The broker: `countersign-broker run --fleet DIR`, as a process, and what its log says.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::fleet::Fleet;
use super::lines::{Lines, text};
use super::processes::{Process, Processes};
use super::trouble::Trouble;
use crate::house::{Resident, tether};

/// How long the broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running broker.
pub(super) struct Broker {
    process: Process,
    log: Lines,
    log_path: PathBuf,
    /// Its end is the broker's, if it is not to be kept.
    _tether: Option<ChildStdin>,
}

impl Broker {
    /// Starts it and waits until it listens. `keep`: it may outlive this process.
    pub(super) fn start(
        processes: &Processes,
        fleet: &Fleet,
        log_path: &Path,
        port: u16,
        keep: bool,
    ) -> Result<Self, Trouble> {
        let resident = Resident::Broker;
        let start = |source| Trouble::Start { program: resident.program(), source };
        let file = |source| Trouble::File { path: log_path.to_owned(), source };
        // A file, not a pipe: a kept broker still has to have somewhere to write.
        let stderr = File::create(log_path).map_err(file)?;
        let mut command = resident.command().map_err(start)?;
        command
            .args(["run", "--log-format", "json", "--listen", &format!("127.0.0.1:{port}"), "--fleet"])
            .arg(fleet.dir())
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(stderr);
        if keep {
            // Of its own group: the Ctrl-C of this terminal is not meant for it.
            command.stdin(Stdio::null()).process_group(0);
        } else {
            tether(&mut command);
            command.stdin(Stdio::piped());
        }
        let (mut stdout, mut stdin) = (None, None);
        let process = processes.start(resident, &mut command, |child| {
            stdout = child.stdout.take();
            stdin = child.stdin.take();
        })?;
        let log = Lines::following(log_path, processes)?;
        let mut broker = Self { process, log, log_path: log_path.to_owned(), _tether: stdin };
        let mut stdout =
            stdout.map(Lines::of).ok_or_else(|| Trouble::Setup("the broker has no stdout".into()))?;
        let listening = stdout.next("the line `listening` of the broker", PATIENCE, |line| {
            line.starts_with("listening ").then_some(())
        });
        match listening {
            Ok(_) => Ok(broker),
            // Why not is in its log.
            Err(_) => {
                broker.log.next::<()>("the broker listening", Duration::ZERO, |_| None)?;
                Ok(broker)
            }
        }
    }

    /// The reason of the next refusal of this kind in its log.
    pub(super) fn refused(&mut self, event: &str) -> Result<String, Trouble> {
        let what = format!("a refused {event} in the log of the broker");
        let wanted = |entry: &Value| text(entry, "outcome") == "refused" && text(entry, "event") == event;
        let (_, entry) = self.log.next_entry(&what, PATIENCE, wanted)?;
        Ok(text(&entry, "reason").to_owned())
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Leaves it running. Returns its process id and its log.
    pub(super) fn keep(self) -> (u32, PathBuf) {
        (self.process.release(), self.log_path)
    }
}
