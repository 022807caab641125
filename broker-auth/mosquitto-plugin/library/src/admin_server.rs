//! [`AdminServer`]: hears operators, beside mosquitto's thread.

use std::any::Any;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use broker_rules::admin_socket::{AdminSocket, EXCHANGE_TIMEOUT, MAX_REQUEST, Rights};
use broker_rules::protocol::Answer;
use parking_lot::Mutex;
use rustix::net::sockopt::socket_peercred;

use crate::answers::Answers;
use crate::log_lines::LogLines;

/// Operators that are heard at once; others wait until one has been answered.
const MAX_HEARD: usize = 4;

/// How much of an exchange is left for the answer to be written, whatever has been waited for.
const TIME_TO_WRITE: Duration = Duration::from_secs(1);

/// How often it is looked who has come, until mosquitto ticks.
const PAUSE: Duration = Duration::from_millis(100);

/// Hears operators: [`tick`](Self::tick) looks who has come, and each is answered on a thread that ends with the answer, since
/// a process pays for a second thread with every system call. The threads end with the value, before mosquitto takes
/// their code away, and so does the socket.
pub(crate) struct AdminServer {
    shared: Arc<Shared>,
    /// Looks who has come until mosquitto ticks, which its configuration may keep it from: operators are told so.
    until_ticks: Option<JoinHandle<()>>,
}

struct Shared {
    socket: AdminSocket,
    answers: Answers,
    lines: Arc<LogLines>,
    is_ticking: AtomicBool,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    operators: Vec<Operator>,
    /// Nobody could be heard the last time, and that has been said.
    is_deaf: bool,
}

/// Somebody who is being answered.
struct Operator {
    thread: JoinHandle<()>,
    stream: UnixStream,
}

impl AdminServer {
    /// Hears whoever comes to `socket`, and has `answers` answer.
    ///
    /// # Errors
    /// There is no thread, or the socket cannot be set so that nobody waits for it.
    pub(crate) fn start(socket: AdminSocket, answers: Answers, lines: Arc<LogLines>) -> io::Result<Self> {
        socket.listener().set_nonblocking(true)?;
        let is_ticking = AtomicBool::new(false);
        let shared = Arc::new(Shared { socket, answers, lines, is_ticking, heard: Mutex::default() });
        let hearing = Arc::clone(&shared);
        let thread = on_a_thread(move || {
            let _collecting = hearing.lines.collect_on_this_thread();
            while !hearing.is_ticking.load(Ordering::SeqCst) {
                hearing.hear_who_has_come();
                thread::park_timeout(PAUSE);
            }
        })?;
        Ok(Self { shared, until_ticks: Some(thread) })
    }

    /// Begins to answer those who have come. Does not wait.
    pub(crate) fn tick(&self) {
        self.shared.is_ticking.store(true, Ordering::SeqCst);
        self.shared.hear_who_has_come();
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.shared.is_ticking.store(true, Ordering::SeqCst);
        if let Some(thread) = self.until_ticks.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
        for Operator { thread, stream } in self.shared.heard.lock().operators.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

fn on_a_thread(act: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("countersign".to_owned()).spawn(act)
}

impl Shared {
    fn hear_who_has_come(self: &Arc<Self>) {
        let heard = &mut *self.heard.lock();
        while let Some(answered) = heard.operators.iter().position(|operator| operator.thread.is_finished()) {
            // It catches its panics.
            let _ = heard.operators.swap_remove(answered).thread.join();
        }
        while heard.operators.len() < MAX_HEARD {
            match self.socket.listener().accept().and_then(|(stream, _)| self.hear(stream)) {
                Ok(operator) => {
                    heard.operators.push(operator);
                    heard.is_deaf = false;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Descriptors and threads may be free again at the next tick.
                Err(error) => {
                    if !heard.is_deaf {
                        tracing::error!(%error, "operators cannot be heard");
                    }
                    heard.is_deaf = true;
                    return;
                }
            }
        }
    }

    /// One exchange, and whatever happens in it is over with it.
    fn hear(self: &Arc<Self>, stream: UnixStream) -> io::Result<Operator> {
        let other_end = stream.try_clone()?;
        let shared = Arc::clone(self);
        let thread = on_a_thread(move || {
            let _collecting = shared.lines.collect_on_this_thread();
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| shared.serve(&stream))) {
                tracing::error!(
                    "a panic about an operator's question, which is not answered; please report it: {}",
                    told(&*payload)
                );
            }
            // The other end is still here, and nothing more is said by it.
            let _ = stream.shutdown(Shutdown::Both);
        })?;
        Ok(Operator { thread, stream: other_end })
    }

    fn serve(&self, stream: &UnixStream) {
        let peer = socket_peercred(stream).ok().map(|peer| peer.uid.as_raw());
        let Some(rights) = peer.and_then(|uid| self.socket.rights_of(uid)) else {
            tracing::warn!("somebody else's request at the admin socket was refused");
            return;
        };
        // Whoever has gone, or is too slow, gets no answer.
        let _ = self.exchange(Exchange { stream, deadline: Instant::now() + EXCHANGE_TIMEOUT }, rights);
    }

    fn exchange(&self, mut exchange: Exchange<'_>, rights: Rights) -> io::Result<()> {
        let mut line = String::new();
        if BufReader::new((&mut exchange).take(MAX_REQUEST)).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str(&line) {
            Ok(request) if rights.cover(&request) => {
                self.answers.answer(request, exchange.deadline - TIME_TO_WRITE)
            }
            Ok(_) => Answer::Denied,
            Err(error) => Answer::Error(format!("the request was not understood: {error}")),
        };
        let mut answer = serde_json::to_vec(&answer)?;
        answer.push(b'\n');
        exchange.write_all(&answer)
    }
}

/// A stream that is over at a certain time, however slowly it is read or written.
struct Exchange<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
}

impl Exchange<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Exchange<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Exchange<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic in words.
fn told(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}
