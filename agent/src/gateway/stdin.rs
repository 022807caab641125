//! Telemetry lines on stdin: `SUBTOPIC<TAB>PAYLOAD`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use device_identity::{Channel, DeviceId, Topic, TopicError};
use tokio::sync::{mpsc, oneshot};

use super::mqtt::Publication;
use super::outbox::Outgoing;

/// The longest line in bytes, without its end.
const MAX_LINE: usize = 60 * 1024;

/// The most lines that are read and not yet taken. Then reading stops, and the writer of stdin has to wait.
const MAX_LINES_READ: usize = 256;

/// Read at once. As much as stdin's own buffer, which is then passed by.
const BUFFER: usize = 8 * 1024;

/// A line of stdin: a message, or the line's number and what is wrong with it.
pub(super) type Line = Result<Outgoing, (u64, LineError)>;

/// Why a line is no telemetry.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("no TAB between sub-topic and payload")]
    NoTab,
    #[error("the sub-topic is not UTF-8")]
    NotUtf8,
    #[error("{0}")]
    Topic(#[from] TopicError),
    #[error("longer than {MAX_LINE} bytes")]
    TooLong,
    #[error("reading stdin failed: {0}")]
    Read(io::Error),
}

/// Whether there is an input at all. The null device is none; a descriptor that was closed is the null device by now,
/// for Rust's runtime has opened it in its place.
pub(super) fn is_attached() -> bool {
    let Ok(stdin) = io::stdin().as_fd().try_clone_to_owned().map(File::from) else { return false };
    let (Ok(stdin), Ok(null)) = (stdin.metadata(), fs::metadata("/dev/null")) else { return true };
    !(stdin.file_type().is_char_device() && stdin.rdev() == null.rdev())
}

/// The lines of an input, read on a thread of their own, because a read of stdin cannot be cancelled.
pub(super) struct Input {
    lines: mpsc::Receiver<Line>,
    exhausted: bool,
    end: Option<oneshot::Receiver<()>>,
    stop: Arc<AtomicBool>,
}

/// What comes from an input.
pub(super) enum InputEvent {
    Line(Line),
    /// The last line has been taken.
    Exhausted,
    /// The input has ended, which may be long before its last line is taken.
    Ended,
}

impl Input {
    /// Begins to read what `input` makes, the telemetry of `device_id`.
    pub(super) fn read<R: Read>(input: impl FnOnce() -> R + Send + 'static, device_id: DeviceId) -> Self {
        let (lines, receiver) = mpsc::channel(MAX_LINES_READ);
        let (ended, end) = oneshot::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            let mut input = BufReader::with_capacity(BUFFER, input());
            let mut number = 0;
            // What has been read when it is to stop is delivered as far as it is whole lines.
            while !stopped.load(Ordering::Relaxed) || input.buffer().contains(&b'\n') {
                number += 1;
                let line = match next_line(&mut input) {
                    Ok(None) => break,
                    Ok(Some(line)) => line,
                    Err(error) => {
                        // The receiver may be gone; then so is the reason to read.
                        let _ = lines.blocking_send(Err((number, LineError::Read(error))));
                        break;
                    }
                };
                let line =
                    line.and_then(|line| parse(&line, number, &device_id)).map_err(|error| (number, error));
                if lines.blocking_send(line).is_err() {
                    break;
                }
            }
            let _ = ended.send(());
        });
        Self { lines: receiver, exhausted: false, end: Some(end), stop }
    }

    /// No more is to be read than has been.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for what comes next; lines are left alone unless there is `room` for one. Cancelling the wait loses
    /// nothing.
    pub(super) async fn next(&mut self, room: bool) -> InputEvent {
        tokio::select! {
            line = self.lines.recv(), if room && !self.exhausted => match line {
                Some(line) => InputEvent::Line(line),
                None => {
                    self.exhausted = true;
                    InputEvent::Exhausted
                }
            },
            () = once(&mut self.end) => InputEvent::Ended,
        }
    }

    /// Whether no line is read and not taken.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether the last line has been taken.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// A line that is read and not taken.
    pub(super) fn take_waiting(&mut self) -> Option<Line> {
        self.lines.try_recv().ok()
    }
}

/// Waits for the end of the input. Never returns a second time.
async fn once(end: &mut Option<oneshot::Receiver<()>>) {
    match end {
        Some(receiver) => {
            // A reader that is gone has ended, too.
            let _ = receiver.await;
            *end = None;
        }
        None => std::future::pending().await,
    }
}

type Unparsed = Result<Vec<u8>, LineError>;

/// The next line without its end; a line that is too long is passed over.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Unparsed>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            let nothing = line.is_empty() && !too_long;
            return Ok((!nothing).then_some(if too_long { Err(LineError::TooLong) } else { Ok(line) }));
        }
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = end.and_then(|end| available.get(..end)).unwrap_or(available);
        if line.len() + part.len() > MAX_LINE {
            too_long = true;
            line = Vec::new();
        }
        if !too_long {
            line.extend_from_slice(part);
        }
        let consumed = part.len() + usize::from(end.is_some());
        input.consume(consumed);
        if end.is_some() {
            return Ok(Some(if too_long { Err(LineError::TooLong) } else { Ok(line) }));
        }
    }
}

fn parse(line: &[u8], number: u64, device_id: &DeviceId) -> Result<Outgoing, LineError> {
    let tab = line.iter().position(|&byte| byte == b'\t').ok_or(LineError::NoTab)?;
    let (subtopic, payload) = line.split_at_checked(tab).ok_or(LineError::NoTab)?;
    let subtopic = std::str::from_utf8(subtopic).map_err(|_| LineError::NotUtf8)?;
    let topic: String = Topic::new(device_id, Channel::Telemetry(subtopic))?.to_string();
    let payload = Bytes::copy_from_slice(payload.get(1..).unwrap_or_default());
    Ok(Outgoing { publication: Publication { topic, payload, retain: false }, line: Some(number) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines through a buffer of a few bytes, so that every line spans several reads.
    fn lines(input: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut input = BufReader::with_capacity(7, input);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).unwrap() {
            lines.push(line.ok());
        }
        lines
    }

    #[test]
    fn lines_end_at_newlines_and_at_the_end_of_input() {
        assert_eq!(lines(b""), Vec::<Option<Vec<u8>>>::new());
        assert_eq!(
            lines(b"a\n\nlonger than a buffer"),
            [Some(b"a".to_vec()), Some(vec![]), Some(b"longer than a buffer".to_vec())]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_whole() {
        let mut input = vec![b'x'; MAX_LINE];
        input.push(b'\n');
        input.extend(vec![b'x'; MAX_LINE + 1]);
        input.extend(b"\nnext\n");
        assert_eq!(lines(&input), [Some(vec![b'x'; MAX_LINE]), None, Some(b"next".to_vec())]);
    }

    #[test]
    fn a_payload_is_everything_after_the_first_tab_byte_for_byte() {
        let id = DeviceId::new("pump-1").unwrap();
        let parsed = parse(b"flow/in\t\xff\t 1\r", 7, &id).unwrap();
        assert_eq!(parsed.publication.topic, "devices/pump-1/telemetry/flow/in");
        assert_eq!(parsed.publication.payload, &b"\xff\t 1\r"[..]);
        assert_eq!(parsed.line, Some(7));
    }

    #[test]
    fn what_is_no_telemetry_is_refused_with_its_reason() {
        let id = DeviceId::new("pump-1").unwrap();
        let reason = |line: &[u8]| parse(line, 1, &id).unwrap_err().to_string();
        assert_eq!(reason(b""), "no TAB between sub-topic and payload");
        assert_eq!(reason(b"flow 1"), "no TAB between sub-topic and payload");
        assert_eq!(reason(b"\xff\t1"), "the sub-topic is not UTF-8");
        assert!(reason(b"flow/#\t1").contains('#'), "{}", reason(b"flow/#\t1"));
    }
}
