//! The processes of the demo, none of which may outlive it by accident.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::trouble::Trouble;
use crate::house::Resident;

/// How often a process that should end is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Every running process.
#[derive(Clone, Default)]
pub(super) struct Processes(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    by_id: BTreeMap<u32, Child>,
    /// Nothing starts any more.
    over: bool,
}

/// A running process; dropped, it is killed.
pub(super) struct Process {
    id: u32,
    all: Processes,
}

impl Processes {
    /// Starts `command` and keeps it. The child comes back once, for its pipes to be taken.
    pub(super) fn start(
        &self,
        resident: Resident,
        command: &mut Command,
        take_pipes: impl FnOnce(&mut Child),
    ) -> Result<Process, Trouble> {
        // One lock over starting and keeping: whoever stops all of them misses none.
        let mut running = self.running();
        if running.over {
            return Err(Trouble::Interrupted);
        }
        let mut child =
            command.spawn().map_err(|source| Trouble::Start { program: resident.program(), source })?;
        take_pipes(&mut child);
        let id = child.id();
        running.by_id.insert(id, child);
        drop(running);
        Ok(Process { id, all: self.clone() })
    }

    /// Kills what still runs, and lets nothing start any more.
    pub(super) fn stop_all(&self) {
        let mut running = self.running();
        running.over = true;
        for child in running.by_id.values_mut() {
            end(child);
        }
        running.by_id.clear();
    }

    /// Whether all were stopped.
    pub(super) fn are_over(&self) -> bool {
        self.running().over
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // A panic elsewhere is no reason to leave processes behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits until it has ended by itself, or `None` if it has not in time.
    pub(super) fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let ended =
                self.all.running().by_id.get_mut(&self.id).and_then(|child| child.try_wait().ok()).flatten();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// Leaves it running when the demo ends. Returns its process id.
    pub(super) fn release(self) -> u32 {
        self.all.running().by_id.remove(&self.id);
        self.id
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.all.running().by_id.remove(&self.id) {
            end(&mut child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended already; then there is nothing to kill, and the wait returns at once.
    let _ = child.kill();
    let _ = child.wait();
}
