//! What a process prints, line by line as it comes, with the moment it came.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::processes::Processes;
use super::trouble::Trouble;

/// How often a growing file is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// How many of the last lines are shown when something did not happen.
const LAST: usize = 12;

/// The lines of one stream.
pub(super) struct Lines {
    receiver: Receiver<(Instant, String)>,
    last: Vec<String>,
}

impl Lines {
    /// Reads a pipe on a thread of its own, until it ends.
    pub(super) fn of(stream: impl Read + Send + 'static) -> Self {
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

    /// Follows a file that one of `processes` writes, until they are over or nobody listens any more.
    pub(super) fn following(path: &Path, processes: &Processes) -> Result<Self, Trouble> {
        let file = File::open(path).map_err(|source| Trouble::File { path: path.to_owned(), source })?;
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
                    if processes.are_over() {
                        break;
                    }
                    std::thread::sleep(GLANCE);
                }
            }
        });
        Ok(Self { receiver, last: Vec::new() })
    }

    /// The next line for which `wanted` has an answer; `what` names it if it never comes.
    pub(super) fn next<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&str) -> Option<T>,
    ) -> Result<(Instant, T), Trouble> {
        let start = Instant::now();
        loop {
            match self.receiver.recv_timeout(patience.saturating_sub(start.elapsed())) {
                Ok((at, line)) => {
                    let answer = wanted(&line);
                    if self.last.len() >= LAST {
                        self.last.remove(0);
                    }
                    self.last.push(line);
                    if let Some(answer) = answer {
                        return Ok((at, answer));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let last = self.last.join("\n");
                    return Err(Trouble::Silence { what: what.to_owned(), waited: start.elapsed(), last });
                }
            }
        }
    }

    /// The next JSON line for which `wanted` says yes.
    pub(super) fn next_entry(
        &mut self,
        what: &str,
        patience: Duration,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Result<(Instant, Value), Trouble> {
        self.next(what, patience, |line| serde_json::from_str(line).ok().filter(&mut wanted))
    }
}

/// A text field of a JSON line, or "".
pub(super) fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}
