//! The agent as a process, with its log and its output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for an event, on a busy machine too; reached only when a test fails.
pub(crate) const EVENT_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    log: Receiver<String>,
    seen: Vec<String>,
    stdout: Receiver<String>,
}

impl Agent {
    /// `countersign-agent run --image IMAGE --log json ARGS`, with a pipe on stdin.
    pub(crate) fn start(image: &Path, args: &[&str]) -> Self {
        Self::start_with_stdin(image, args, Stdio::piped())
    }

    pub(crate) fn start_with_stdin(image: &Path, args: &[&str], stdin: Stdio) -> Self {
        let mut command = Self::program(image, &["--log", "json"]);
        command.args(args).stdin(stdin);
        Self::spawn(command)
    }

    /// The same by way of a shell: `script` has the command line as `"$@"`.
    pub(crate) fn start_by_shell(image: &Path, args: &[&str], script: &str) -> Self {
        let agent = Self::program(image, &["--log", "json"]);
        let mut command = Command::new("bash");
        command.args(["-c", script, "bash"]).arg(agent.get_program()).args(agent.get_args()).args(args);
        command.stdin(Stdio::null());
        Self::spawn(command)
    }

    /// `countersign-agent run --image IMAGE ARGS`, to be started.
    pub(crate) fn program(image: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-agent"));
        command.args(["run", "--image"]).arg(image).args(args);
        command
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let log = lines(child.stderr.take().unwrap());
        let stdout = lines(child.stdout.take().unwrap());
        Self { child, stdin, log, seen: Vec::new(), stdout }
    }

    /// Writes to its stdin.
    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_ref()).unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of its log for which `wanted` is true.
    pub(crate) fn logged(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + EVENT_TIMEOUT;
        loop {
            let line = match self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(end) => panic!("the agent never logged {what} ({end}); it logged {:#?}", self.seen),
            };
            self.seen.push(line.clone());
            if let Some(entry) = serde_json::from_str(&line).ok().filter(&wanted) {
                return entry;
            }
        }
    }

    /// The next change to `state`.
    pub(crate) fn state(&mut self, state: &str) -> Value {
        self.logged(state, |entry| entry["state"] == state)
    }

    /// The next command on its stdout.
    pub(crate) fn command(&mut self) -> Value {
        let line = self.stdout.recv_timeout(EVENT_TIMEOUT).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Whether its stdout says nothing for `time`.
    pub(crate) fn is_silent_on_stdout(&mut self, time: Duration) -> bool {
        matches!(self.stdout.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end. Returns its exit status and everything on stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.stdin = None;
        self.end_with_open_stdin()
    }

    /// The same, while whoever writes its stdin is still there.
    pub(crate) fn end_with_open_stdin(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + EVENT_TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the agent does not end; it logged {:#?}", self.seen);
            std::thread::sleep(Duration::from_millis(10));
        };
        while let Ok(line) = self.log.recv() {
            self.seen.push(line);
        }
        (status, self.seen.join("\n"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if line.is_err() || sender.send(line.unwrap_or_default()).is_err() {
                break;
            }
        }
    });
    receiver
}
