//! The commands under test, and running a command to its end.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a command may take: far longer than any does, and shorter than a test runner's patience.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// The programs under test.
#[derive(Clone, Copy, Debug)]
pub struct Programs(&'static str);

impl Programs {
    /// The programs in the binary at `role`: in a test, `env!("CARGO_BIN_EXE_role")`.
    pub const fn at(role: &'static str) -> Self {
        Self(role)
    }

    /// `countersign-provision`
    pub fn provision(self) -> Command {
        self.role("provision")
    }

    /// `countersign-broker`
    pub fn broker(self) -> Command {
        self.role("broker")
    }

    /// `countersign-agent`
    pub fn agent(self) -> Command {
        self.role("agent")
    }

    /// `countersign-sim`
    pub fn sim(self) -> Command {
        self.role("sim")
    }

    fn role(self, role: &str) -> Command {
        let mut command = Command::new(self.0);
        // What the person who runs the tests has set must not leak into them.
        command.arg(role);
        for variable in ["COUNTERSIGN_FLEET", "RUST_LOG", "COLUMNS", "LINES"] {
            command.env_remove(variable);
        }
        command
    }
}

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its exit code; -1 after a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Finished {
    /// Its standard output, which it must have earned with exit code 0.
    #[track_caller]
    pub fn stdout_of_success(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The JSON document on its standard output, whatever the exit code.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}; stderr: {}", self.stdout, self.stderr))
    }
}

/// Runs `command` to its end, without standard input.
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    run_within(COMMAND_DEADLINE, command)
}

/// The same for a command that may take as long as `deadline`.
#[track_caller]
pub fn run_within(deadline: Duration, command: &mut Command) -> Finished {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    finish_within(deadline, child)
}

/// Waits for a child whose output is piped. One that does not end is killed, and fails the test.
#[track_caller]
pub fn finish(child: Child) -> Finished {
    finish_within(COMMAND_DEADLINE, child)
}

/// Runs `command` to its end, with `input` on its standard input.
#[track_caller]
pub fn finish_with_input(command: &mut Command, input: &[u8]) -> Finished {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("stdin is piped").write_all(input);
    finish(child)
}

#[track_caller]
fn finish_within(deadline: Duration, child: Child) -> Finished {
    let pid = pid_of(&child);
    let (ended, end) = mpsc::channel();
    // Nobody listens any more once the deadline has passed.
    let waiting = thread::spawn(move || ended.send(child.wait_with_output()).unwrap_or(()));
    let output: Output = match end.recv_timeout(deadline) {
        Ok(output) => output.expect("the output of a child can be read"),
        Err(_) => {
            // It may have ended just now.
            let _ = kill_process(pid, Signal::KILL);
            panic!("a command did not end within {deadline:?}");
        }
    };
    waiting.join().expect("waiting does not panic");
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The process id of a child that has not been waited for.
pub(crate) fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}
