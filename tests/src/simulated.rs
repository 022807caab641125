//! Simulated devices: `countersign-sim fleet`, as a process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::broker::{Log, Mark};
use crate::program::{Finished, Programs, finish, pid_of};

/// Devices that run. They end with the value, as in a power cut.
pub struct Simulated {
    child: Option<Child>,
    log: Log,
}

impl Simulated {
    /// Switches on the devices of `images`, a directory or one file, before the broker at `address`.
    #[track_caller]
    pub fn start(programs: Programs, images: &Path, address: SocketAddr, rate: &str) -> Self {
        let mut child = programs
            .sim()
            .args(["fleet", "--json", "--device-log", "--rate", rate, "--broker", &address.to_string()])
            .arg("--images")
            .arg(images)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let log = Log::collect(child.stdout.take().expect("stdout is piped"));
        Self { child: Some(child), log }
    }

    /// What they have said so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The first change of `device` to `state` after `mark`; waits for it.
    #[track_caller]
    pub fn turns(&self, mark: Mark, device: &str, state: &str) -> Value {
        self.log.line(mark, |line| {
            line["event"] == "state" && line["device_id"] == device && line["state"] == state
        })
    }

    /// How often any device has changed to `state` since `mark`.
    pub fn changes(&self, mark: Mark, state: &str) -> usize {
        self.log.since(mark).iter().filter(|line| line["event"] == "state" && line["state"] == state).count()
    }

    /// Asks them to leave; how they ended, and the summary.
    #[track_caller]
    pub fn leave(mut self) -> (Finished, Value) {
        let child = self.child.take().expect("they leave once");
        // Those that have left already are waited for below.
        let _ = kill_process(pid_of(&child), Signal::TERM);
        let finished = finish(child);
        let summary = self.log.line(Mark::START, |line| line["event"] == "summary");
        (finished, summary)
    }

    /// A power cut: nobody says anything any more (SIGKILL).
    pub fn power_cut(self) {
        drop(self);
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already; then there is nothing to kill, and waiting returns at once.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
