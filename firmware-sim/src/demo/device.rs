//! A device: `countersign-sim fleet` with one image, as a process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use device_identity::DeviceId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::error::DemoError;
use super::lines::{Lines, text};
use super::processes::{Process, Processes};
use crate::reexec::{Program, exit_with_stdin};

/// How long a device may take to log an expected line, or to leave.
const DEVICE_TIMEOUT: Duration = Duration::from_secs(10);

/// Telemetry messages a second of each device.
const TELEMETRY_RATE: &str = "5";

/// A running device.
pub(super) struct Device {
    id: DeviceId,
    process: Process,
    log: Lines,
}

/// A change of state, as the device logs it.
pub(super) struct Change {
    pub(super) at: Instant,
    pub(super) state: String,
    pub(super) cause: String,
    pub(super) detail: String,
}

impl Device {
    /// Starts the device whose flash holds `image`.
    pub(super) fn start(processes: &Processes, id: &DeviceId, image: &Path) -> Result<Self, DemoError> {
        let program = Program::Sim;
        let mut command =
            program.command().map_err(|source| DemoError::Start { program: program.name(), source })?;
        command
            .args(["fleet", "--rate", TELEMETRY_RATE, "--json", "--device-log", "--images"])
            .arg(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // The pipe of its stdin belongs to the child that `processes` holds.
        exit_with_stdin(&mut command);
        let mut stdout = None;
        let process = processes.start(program, &mut command, |child| stdout = child.stdout.take())?;
        let log = Lines::from_pipe(stdout.ok_or_else(|| DemoError::Setup("the device has no pipe".into()))?);
        Ok(Self { id: id.clone(), process, log })
    }

    /// The device id.
    pub(super) fn id(&self) -> &DeviceId {
        &self.id
    }

    /// Waits for the next change to one of `states`.
    pub(super) fn wait_for_state(&mut self, states: &[&str]) -> Result<Change, DemoError> {
        let what = format!("{} turning {}", self.id, states.join(" or "));
        let wanted =
            |entry: &Value| text(entry, "event") == "state" && states.contains(&text(entry, "state"));
        let (at, entry) = self.log.next_entry(&what, DEVICE_TIMEOUT, wanted)?;
        let field = |name| text(&entry, name).to_owned();
        Ok(Change { at, state: field("state"), cause: field("cause"), detail: field("detail") })
    }

    /// Whether the device has logged a change of state since its log was last read.
    pub(super) fn has_changed_state(&mut self) -> bool {
        let wanted = |entry: &Value| text(entry, "event") == "state";
        self.log.next_entry("no change", Duration::ZERO, wanted).is_ok()
    }

    /// Waits for the next command that the device handles. Returns its id and its payload.
    pub(super) fn next_command(&mut self) -> Result<(String, String), DemoError> {
        let what = format!("a command reaching {}", self.id);
        let wanted = |entry: &Value| text(entry, "event") == "command";
        let (_, entry) = self.log.next_entry(&what, DEVICE_TIMEOUT, wanted)?;
        Ok((text(&entry, "command_id").to_owned(), text(&entry, "detail").to_owned()))
    }

    /// Stops the device with SIGTERM and waits for its end. Returns whether it was in session and all its messages were
    /// acknowledged.
    pub(super) fn stop(self) -> bool {
        let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) else { return false };
        // If it has ended already, its exit status says so below.
        let _ = kill_process(pid, Signal::TERM);
        self.process.wait(DEVICE_TIMEOUT).is_some_and(|status| status.success())
    }
}
