//! Writing log lines: a thread of its own writes them, so that no task waits for a disk or a terminal.
//!
//! A full disk, a closed pipe or a collector that stands still is no reason for a session to wait, and none to end. So
//! lines wait in a buffer for a thread of their own, and what finds no way out is counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Bytes of lines that may wait: a few seconds of a broker in trouble.
const CAPACITY: usize = 4 * 1024 * 1024;

/// Bytes of a buffer that are kept for the next lines.
const KEPT: usize = 64 * 1024;

/// How long the thread pauses when it has written: a line that is logged meanwhile need not wake it, which costs more than
/// the line.
const PAUSE_AFTER_WRITE: Duration = Duration::from_millis(1);

/// How long the last lines may take when the process ends.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Where lines are put. Clones lead to the same place.
#[derive(Clone, Debug)]
pub struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// For the thread: there are lines, or it is over.
    news: Condvar,
    /// Signalled when the thread has written.
    written: Condvar,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whole lines.
    bytes: Vec<u8>,
    /// The thread is writing what it took, or rests, and will look here by itself.
    writing: bool,
    over: bool,
}

impl Lines {
    /// Starts the thread that writes lines to `out`. `report` is told, whenever lines get through again, how many have been
    /// lost in all.
    pub fn to(out: impl Write + Send + 'static, report: impl Fn(u64) + Send + 'static) -> io::Result<Self> {
        let lines = Self(Arc::default());
        let shared = Arc::clone(&lines.0);
        thread::Builder::new().name("log".into()).spawn(move || shared.run(out, report))?;
        Ok(lines)
    }

    /// How many lines found no way out.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, but not for ever. What is logged later is lost.
    pub fn finish(&self) {
        let mut waiting = self.0.waiting.lock();
        waiting.over = true;
        self.0.news.notify_one();
        let unwritten = |waiting: &mut Waiting| waiting.writing || !waiting.bytes.is_empty();
        // Past the timeout the reader had its time.
        let _ = self.0.written.wait_while_for(&mut waiting, unwritten, FINISH_TIMEOUT);
    }
}

/// One call is one line: the subscriber formats it first.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting.lock();
        if waiting.over || waiting.bytes.len() + line.len() > CAPACITY {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            let wakes = waiting.bytes.is_empty() && !waiting.writing;
            waiting.bytes.extend_from_slice(line);
            drop(waiting);
            if wakes {
                self.0.news.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn run(&self, mut out: impl Write, report: impl Fn(u64)) {
        let mut reported = 0;
        let mut torn = false;
        let mut bytes = Vec::new();
        while self.take(&mut bytes) {
            let unwritten = write(&mut out, &bytes, &mut torn);
            let lines = unwritten.iter().filter(|byte| **byte == b'\n').count();
            let lost = u64::try_from(lines).unwrap_or(u64::MAX);
            let lost = self.lost.fetch_add(lost, Ordering::Relaxed).saturating_add(lost);
            if unwritten.is_empty() && lost > reported {
                reported = lost;
                report(lost);
            }
            thread::sleep(PAUSE_AFTER_WRITE);
        }
    }

    /// Exchanges what waits, as soon as there is something, for an empty buffer. `false`: it is over, and nothing waits.
    fn take(&self, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        bytes.shrink_to(KEPT);
        let mut waiting = self.waiting.lock();
        waiting.writing = false;
        self.written.notify_all();
        let idle = |waiting: &mut Waiting| waiting.bytes.is_empty() && !waiting.over;
        self.news.wait_while(&mut waiting, idle);
        std::mem::swap(&mut waiting.bytes, bytes);
        waiting.writing = !bytes.is_empty();
        waiting.writing
    }
}

/// Writes `bytes`; what could not be written. A line that was torn by an error is ended before the next begins.
fn write<'a>(out: &mut impl Write, bytes: &'a [u8], torn: &mut bool) -> &'a [u8] {
    if *torn && out.write_all(b"\n").is_err() {
        return bytes;
    }
    *torn = false;
    let mut rest = bytes;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                let written = bytes.len() - rest.len();
                *torn = written > 0 && bytes.get(written - 1) != Some(&b'\n');
                return rest;
            }
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;

    /// A disk with room for so many bytes more.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self(Arc::new(Mutex::new((room, Vec::new()))))
        }

        fn give(&self, room: usize) {
            self.0.lock().unwrap().0 = room;
        }

        fn content(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().1.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.lock().unwrap();
            let fits = bytes.len().min(disk.0);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.0 -= fits;
            disk.1.extend_from_slice(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn settled(lines: &Lines) {
        let mut waiting = lines.0.waiting.lock();
        let unwritten = |waiting: &mut Waiting| waiting.writing || !waiting.bytes.is_empty();
        lines.0.written.wait_while(&mut waiting, unwritten);
    }

    fn put(lines: &Lines, line: &str) {
        lines.clone().write_all(line.as_bytes()).unwrap();
        settled(lines);
    }

    #[test]
    fn a_full_disk_costs_lines_that_are_counted_and_nothing_else() {
        let disk = Disk::with_room("one\ntw".len());
        let (tell, told) = mpsc::channel();
        let lines = Lines::to(disk.clone(), move |lost| tell.send(lost).unwrap()).unwrap();
        put(&lines, "one\n");
        put(&lines, "two\n");
        put(&lines, "three\n");
        assert_eq!(lines.lost(), 2);
        assert!(told.try_recv().is_err(), "nobody could read it");
        disk.give(usize::MAX);
        put(&lines, "four\n");
        assert_eq!(told.recv().unwrap(), 2);
        put(&lines, "five\n");
        lines.finish();
        assert_eq!(disk.content(), "one\ntw\nfour\nfive\n");
        assert!(told.try_recv().is_err(), "it is told once");
        put(&lines, "six\n");
        assert_eq!(lines.lost(), 3);
    }

    #[test]
    fn a_log_reader_that_takes_nothing_delays_no_task() {
        struct Stuck(mpsc::Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.recv().map(|()| bytes.len()).map_err(io::Error::other)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (_let_go, stuck) = mpsc::channel();
        let lines = Lines::to(Stuck(stuck), |_| {}).unwrap();
        let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<u8>>();
        // So many wait, and what waited when the thread came for it, from nothing to as many again, is on its way out.
        let fit = CAPACITY / line.len();
        for _ in 0..2 * fit + 100 {
            lines.clone().write_all(&line).unwrap();
        }
        let fit = u64::try_from(fit).unwrap();
        assert!((100..=fit + 100).contains(&lines.lost()), "{}", lines.lost());
        lines.finish();
    }
}
