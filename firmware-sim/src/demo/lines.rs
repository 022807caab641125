//! The output of a process, line by line, each with the time of its arrival.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::DemoError;
use super::processes::Processes;

/// How often a growing file is read.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How many of the last lines a timeout shows.
const LINES_SHOWN: usize = 12;

/// The lines of one stream.
pub(super) struct Lines {
    receiver: Receiver<(Instant, String)>,
    last: Vec<String>,
}

impl Lines {
    /// Reads a pipe on a thread of its own, until its end.
    pub(super) fn from_pipe(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    break;
                }
            }
        });
        Self { receiver, last: Vec::new() }
    }

    /// Follows a file that one of `processes` writes, until they are stopped or the returned value is dropped.
    pub(super) fn follow_file(path: &Path, processes: &Processes) -> Result<Self, DemoError> {
        let file = File::open(path).map_err(|source| DemoError::File { path: path.to_owned(), source })?;
        let (sender, receiver) = channel();
        let processes = processes.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(file);
            let mut line = String::new();
            while let Ok(read) = reader.read_line(&mut line) {
                if line.ends_with('\n') {
                    let whole = std::mem::take(&mut line);
                    if sender.send((Instant::now(), whole.trim_end().to_owned())).is_err() {
                        break;
                    }
                } else if read == 0 {
                    if processes.are_stopped() {
                        break;
                    }
                    std::thread::sleep(POLL_INTERVAL);
                }
            }
        });
        Ok(Self { receiver, last: Vec::new() })
    }

    /// The value of the next line for which `wanted` returns one; `what` describes that line in the error.
    ///
    /// # Errors
    ///
    /// [`DemoError::Timeout`] if no such line comes within `timeout`, or the output has ended.
    pub(super) fn next<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Instant, T), DemoError> {
        let start = Instant::now();
        loop {
            match self.receiver.recv_timeout(timeout.saturating_sub(start.elapsed())) {
                Ok((at, line)) => {
                    let answer = wanted(&line);
                    if self.last.len() >= LINES_SHOWN {
                        self.last.remove(0);
                    }
                    self.last.push(line);
                    if let Some(answer) = answer {
                        return Ok((at, answer));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let last = self.last.join("\n");
                    return Err(DemoError::Timeout { what: what.to_owned(), waited: start.elapsed(), last });
                }
            }
        }
    }

    /// The next JSON line for which `wanted` returns true; otherwise as [`Self::next`].
    pub(super) fn next_entry(
        &mut self,
        what: &str,
        timeout: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<(Instant, Value), DemoError> {
        self.next(what, timeout, |line| serde_json::from_str(line).ok().filter(&mut wanted))
    }
}

/// A text field of a JSON line; empty if it is missing.
pub(super) fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}
