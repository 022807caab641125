//! A device: `countersign-agent run --image FILE`, as a process.

use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::time::{Duration, Instant};

use device_identity::DeviceId;
use serde_json::Value;

use super::lines::{Lines, text};
use super::processes::{Process, Processes};
use super::trouble::Trouble;
use crate::house::Resident;

/// How long a device may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A running agent.
pub(super) struct Device {
    id: DeviceId,
    process: Process,
    stdin: Option<ChildStdin>,
    commands: Lines,
    log: Lines,
}

/// A change of state, as the agent logs it.
pub(super) struct Change {
    pub(super) at: Instant,
    pub(super) state: String,
    pub(super) cause: String,
    pub(super) detail: String,
}

impl Device {
    /// Starts the agent of `image`.
    pub(super) fn start(processes: &Processes, id: &DeviceId, image: &Path) -> Result<Self, Trouble> {
        let resident = Resident::Agent;
        let start = |source| Trouble::Start { program: resident.program(), source };
        let mut command = resident.command().map_err(start)?;
        command
            .args(["run", "--log", "json", "--drain-timeout", "5", "--image"])
            .arg(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (mut stdin, mut stdout, mut stderr) = (None, None, None);
        let process = processes.start(resident, &mut command, |child| {
            stdin = child.stdin.take();
            stdout = child.stdout.take();
            stderr = child.stderr.take();
        })?;
        let no_pipe = || Trouble::Setup("the agent has no pipe".into());
        let commands = Lines::of(stdout.ok_or_else(no_pipe)?);
        let log = Lines::of(stderr.ok_or_else(no_pipe)?);
        let mut device = Self { id: id.clone(), process, stdin, commands, log };
        // The end of its input is the agent's end once there has been a line; so it ends when we do.
        device.says("boot", "1")?;
        Ok(device)
    }

    /// Its name.
    pub(super) fn id(&self) -> &DeviceId {
        &self.id
    }

    /// A telemetry line on its stdin.
    pub(super) fn says(&mut self, subtopic: &str, payload: &str) -> Result<(), Trouble> {
        let gone = |source| Trouble::Start { program: Resident::Agent.program(), source };
        match &mut self.stdin {
            Some(stdin) => {
                writeln!(stdin, "{subtopic}\t{payload}").and_then(|()| stdin.flush()).map_err(gone)
            }
            None => Ok(()),
        }
    }

    /// Waits for the next change to one of `states`.
    pub(super) fn turns(&mut self, states: &[&str]) -> Result<Change, Trouble> {
        let what = format!("{} turning {}", self.id, states.join(" or "));
        let wanted =
            |entry: &Value| text(entry, "event") == "state" && states.contains(&text(entry, "state"));
        let (at, entry) = self.log.next_entry(&what, PATIENCE, wanted)?;
        let field = |name| text(&entry, name).to_owned();
        Ok(Change { at, state: field("state"), cause: field("cause"), detail: field("detail") })
    }

    /// Whether it has changed its state since it was last asked about.
    pub(super) fn has_changed(&mut self) -> bool {
        let wanted = |entry: &Value| text(entry, "event") == "state";
        self.log.next_entry("no change", Duration::ZERO, wanted).is_ok()
    }

    /// The next command on its stdout: its id and its payload.
    pub(super) fn command(&mut self) -> Result<(String, String), Trouble> {
        let what = format!("a command reaching {}", self.id);
        let (_, entry) = self.commands.next_entry(&what, PATIENCE, |_| true)?;
        Ok((text(&entry, "command_id").to_owned(), text(&entry, "payload").to_owned()))
    }

    /// Ends its input and waits for its end. Whether it ended as it should.
    pub(super) fn leaves(mut self) -> bool {
        self.stdin = None;
        self.process.wait(PATIENCE).is_some_and(|status| status.success())
    }
}
