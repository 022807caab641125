//! A running broker: its address, its log, its operator's commands.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::fleet::Fleet;
use crate::program::{Finished, finish, pid_of, run};

/// How long a broker may take until it listens, on a machine that builds something else meanwhile.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// How long a line of the log may take. Lines are written at once; this is for a busy machine.
const LINE_DEADLINE: Duration = Duration::from_secs(10);

/// A broker process. It ends with the value.
pub struct Broker {
    child: Option<Child>,
    addresses: Vec<SocketAddr>,
    log: Log,
}

impl Broker {
    /// Starts the broker of a fleet with one listener, on a free port.
    #[track_caller]
    pub fn start(fleet: &Fleet) -> Self {
        Self::start_on_port(fleet, 0)
    }

    /// Starts the broker of a fleet with one listener, on this port.
    #[track_caller]
    pub fn start_on_port(fleet: &Fleet, port: u16) -> Self {
        let mut command = run_command(fleet);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        Self::spawn(command, 1)
    }

    /// Starts the broker of a fleet whose `broker.toml` has `listeners` listeners, each on a port of its own choice.
    #[track_caller]
    pub fn start_with_listeners(fleet: &Fleet, listeners: usize) -> Self {
        Self::spawn(run_command(fleet), listeners)
    }

    /// The same with a configuration of another name, in the fleet directory.
    #[track_caller]
    pub fn start_with_configuration(fleet: &Fleet, name: &str, listeners: usize) -> Self {
        let mut command = fleet.programs().broker();
        command.arg("run").arg("--config").arg(fleet.file(name)).args(["--log-format", "json"]);
        Self::spawn(command, listeners)
    }

    /// The same with the command that starts the broker altered.
    #[track_caller]
    pub fn start_altered(fleet: &Fleet, listeners: usize, alter: impl FnOnce(Command) -> Command) -> Self {
        let mut command = run_command(fleet);
        if listeners == 1 {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Self::spawn(alter(command), listeners)
    }

    /// Starts the broker of a fleet and expects that it does not stay.
    #[track_caller]
    pub fn refuse_to_start(fleet: &Fleet) -> Finished {
        let finished = run(run_command(fleet).args(["--listen", "127.0.0.1:0"]));
        assert!(!finished.stdout.contains("listening"), "it listened: {}", finished.stderr);
        finished
    }

    /// Starts a broker with one listener by `command`. Its stderr goes to `log`; if that is piped, it is collected.
    #[track_caller]
    pub fn started_by(command: Command, log: Stdio) -> Self {
        Self::spawn_with(command, 1, log)
    }

    #[track_caller]
    fn spawn(command: Command, listeners: usize) -> Self {
        Self::spawn_with(command, listeners, Stdio::piped())
    }

    #[track_caller]
    fn spawn_with(mut command: Command, listeners: usize, log: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the broker starts");
        let log = child.stderr.take().map_or_else(Log::empty, Log::collect);
        let lines = lines_of(child.stdout.take().expect("stdout is piped"));
        let mut broker = Self { child: Some(child), addresses: Vec::new(), log };
        let deadline = Instant::now() + START_DEADLINE;
        while broker.addresses.len() < listeners {
            let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                panic!("the broker does not listen; its log: {}", broker.log)
            };
            let address = line.strip_prefix("listening ").expect("stdout holds listening lines only");
            broker.addresses.push(address.parse().expect("a listening line ends with an address"));
        }
        broker
    }

    /// Where its first listener is.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where its listeners are, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.child.as_ref().expect("it is waited for once").id()
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        if let Some(child) = &self.child {
            kill_process(pid_of(child), Signal::TERM).expect("a child can be signalled");
        }
    }

    /// Waits until it has stopped; its exit code.
    #[track_caller]
    pub fn wait(mut self) -> i32 {
        finish(self.child.take().expect("it is waited for once")).code
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already; then there is nothing to kill, and waiting returns at once.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn run_command(fleet: &Fleet) -> Command {
    let mut command = fleet.programs().broker();
    command.arg("run").arg("--fleet").arg(fleet.directory()).args(["--log-format", "json"]);
    command
}

/// Runs an operator's command (`sessions`, `kick ID`, `status`, `check`, `explain …`) on a fleet.
#[track_caller]
pub fn operate(fleet: &Fleet, command: &str, args: &[&str]) -> Finished {
    run(fleet.programs().broker().arg(command).args(args).arg("--fleet").arg(fleet.directory()))
}

/// The same with a configuration of another name, in the fleet directory.
#[track_caller]
pub fn operate_with_configuration(fleet: &Fleet, name: &str, command: &str, args: &[&str]) -> Finished {
    run(fleet.programs().broker().arg(command).args(args).arg("--config").arg(fleet.file(name)))
}

/// The lines of a program's stdout, as they come.
pub fn lines_of(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What a program has written to stderr so far: JSON documents, and strings for lines that are none.
#[derive(Clone)]
pub struct Log(Arc<(Mutex<Vec<Value>>, Condvar)>);

/// A moment in a log, to ask for what was written after it.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl Mark {
    /// Before the first line.
    pub const START: Self = Self(0);
}

impl Log {
    /// A log that nobody writes.
    fn empty() -> Self {
        Self(Arc::default())
    }

    /// Collects the lines of a program's stderr.
    pub fn collect(stderr: impl Read + Send + 'static) -> Self {
        let log = Self(Arc::default());
        let writer = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let (lines, news) = &*writer.0;
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(value);
                news.notify_all();
            }
        });
        log
    }

    /// Now.
    pub fn mark(&self) -> Mark {
        Mark(self.0.0.lock().unwrap_or_else(PoisonError::into_inner).len())
    }

    /// Everything written after `mark`.
    pub fn since(&self, mark: Mark) -> Vec<Value> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)[mark.0..].to_vec()
    }

    /// The first line written after `mark` that is what is wanted; waits for it.
    #[track_caller]
    pub fn line(&self, mark: Mark, wanted: impl Fn(&Value) -> bool) -> Value {
        let (lines, news) = &*self.0;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |lines: &mut Vec<Value>| !lines[mark.0..].iter().any(&wanted);
        let (lines, timeout) =
            news.wait_timeout_while(lines, LINE_DEADLINE, missing).unwrap_or_else(PoisonError::into_inner);
        match lines[mark.0..].iter().find(|line| wanted(line)) {
            Some(line) => line.clone(),
            None => {
                let lines = lines.clone();
                panic!("no such line in the log ({timeout:?}): {}", render(&lines))
            }
        }
    }

    /// Everything written after `mark`, once `count` lines of it are what is wanted; waits for them.
    #[track_caller]
    pub fn lines(&self, mark: Mark, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let (lines, news) = &*self.0;
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let found = |lines: &[Value]| lines[mark.0..].iter().filter(|line| wanted(line)).count();
        let (lines, timeout) = news
            .wait_timeout_while(lines, LINE_DEADLINE, |lines| found(lines) < count)
            .unwrap_or_else(PoisonError::into_inner);
        let written = lines[mark.0..].to_vec();
        drop(lines);
        assert!(!timeout.timed_out(), "not {count} such lines in the log: {}", render(&written));
        written
    }

    /// The first refusal written after `mark`; waits for it.
    #[track_caller]
    pub fn refusal(&self, mark: Mark) -> Value {
        self.line(mark, |line| line["outcome"] == "refused")
    }

    /// The first line after `mark` that tells people of something, level `warn` or worse, with `words` in it. What was
    /// decided about a client is not meant.
    #[track_caller]
    pub fn complaint(&self, mark: Mark, words: &str) -> Value {
        self.line(mark, |line| {
            let loud = line["level"] == "WARN" || line["level"] == "ERROR";
            loud && line["peer"].is_null() && line.to_string().contains(words)
        })
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&render(&self.since(Mark::START)))
    }
}

fn render(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
