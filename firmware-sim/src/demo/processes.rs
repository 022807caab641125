//! The child processes of the demo. None may outlive it, except a broker that is kept.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::DemoError;
use crate::reexec::Program;

/// How often the exit status of a process is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// All running child processes.
#[derive(Clone, Default)]
pub(super) struct Processes(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    by_id: BTreeMap<u32, Child>,
    /// Whether no further process may start.
    stopped: bool,
}

/// A running child process; killed when dropped.
pub(super) struct Process {
    id: u32,
    all: Processes,
}

impl Processes {
    /// Starts `command`. `take_pipes` is called once with the child, to take its pipes.
    ///
    /// # Errors
    ///
    /// [`DemoError::Interrupted`] after [`Self::stop_all`], [`DemoError::Start`] if the system refuses a process.
    pub(super) fn start(
        &self,
        program: Program,
        command: &mut Command,
        take_pipes: impl FnOnce(&mut Child),
    ) -> Result<Process, DemoError> {
        // One lock around spawn and insert, so that `stop_all` misses no process.
        let mut running = self.running();
        if running.stopped {
            return Err(DemoError::Interrupted);
        }
        let mut child =
            command.spawn().map_err(|source| DemoError::Start { program: program.name(), source })?;
        take_pipes(&mut child);
        let id = child.id();
        running.by_id.insert(id, child);
        drop(running);
        Ok(Process { id, all: self.clone() })
    }

    /// Kills every process that still runs; none can be started afterwards.
    pub(super) fn stop_all(&self) {
        let mut running = self.running();
        running.stopped = true;
        for child in running.by_id.values_mut() {
            kill(child);
        }
        running.by_id.clear();
    }

    /// Whether [`Self::stop_all`] was called.
    pub(super) fn are_stopped(&self) -> bool {
        self.running().stopped
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // A panic elsewhere is no reason to leave processes behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// The process id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the process has ended by itself. `None` if it has not within `timeout`.
    pub(super) fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            let ended =
                self.all.running().by_id.get_mut(&self.id).and_then(|child| child.try_wait().ok()).flatten();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Leaves the process running when the demo ends. Returns its process id.
    pub(super) fn release(self) -> u32 {
        self.all.running().by_id.remove(&self.id);
        self.id
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.all.running().by_id.remove(&self.id) {
            kill(&mut child);
        }
    }
}

fn kill(child: &mut Child) {
    // If the child has ended already, kill fails and wait returns at once.
    let _ = child.kill();
    let _ = child.wait();
}
