//! A device: `countersign-sim fleet` with one image, as a process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use device_identity::DeviceId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::lines::{Lines, text};
use super::processes::{Process, Processes};
use super::trouble::Trouble;
use crate::house::{Resident, tether};

/// How long a device may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How often it says something, a second.
const RATE: &str = "5";

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
    /// Switches on the device that has `image` in its flash.
    pub(super) fn start(processes: &Processes, id: &DeviceId, image: &Path) -> Result<Self, Trouble> {
        let resident = Resident::Sim;
        let mut command =
            resident.command().map_err(|source| Trouble::Start { program: resident.program(), source })?;
        command
            .args(["fleet", "--rate", RATE, "--json", "--device-log", "--images"])
            .arg(image)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Its stdin stays with the child that is kept here.
        tether(&mut command);
        let mut stdout = None;
        let process = processes.start(resident, &mut command, |child| stdout = child.stdout.take())?;
        let log = Lines::of(stdout.ok_or_else(|| Trouble::Setup("the device has no pipe".into()))?);
        Ok(Self { id: id.clone(), process, log })
    }

    /// Its name.
    pub(super) fn id(&self) -> &DeviceId {
        &self.id
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

    /// The next command it obeys: its id and its payload.
    pub(super) fn obeys(&mut self) -> Result<(String, String), Trouble> {
        let what = format!("a command reaching {}", self.id);
        let wanted = |entry: &Value| text(entry, "event") == "command";
        let (_, entry) = self.log.next_entry(&what, PATIENCE, wanted)?;
        Ok((text(&entry, "command_id").to_owned(), text(&entry, "detail").to_owned()))
    }

    /// Asks it to leave and waits until it has. Whether it was in session, and everything it said was acknowledged.
    pub(super) fn leaves(self) -> bool {
        let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) else { return false };
        // One that has ended already is found out below.
        let _ = kill_process(pid, Signal::TERM);
        self.process.wait(PATIENCE).is_some_and(|status| status.success())
    }
}
