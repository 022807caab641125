//! [`AdminServer`]: hears operators, on threads of its own.

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
const THREADS: usize = 4;

/// How much of an exchange is left for the answer to be written, whatever has been waited for.
const TIME_TO_WRITE: Duration = Duration::from_secs(1);

/// How long a thread waits when it cannot hear anybody: descriptors may be free again by then.
const PAUSE: Duration = Duration::from_millis(200);

/// Hears operators. Its threads end with the value, before mosquitto takes their code away, and so does the socket.
pub(crate) struct AdminServer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    socket: AdminSocket,
    answers: Answers,
    lines: Arc<LogLines>,
    is_over: AtomicBool,
    /// With whom each thread speaks.
    speaking: [Mutex<Option<UnixStream>>; THREADS],
}

impl AdminServer {
    /// Hears whoever comes to `socket`, and has `answers` answer.
    ///
    /// # Errors
    /// There are no threads.
    pub(crate) fn start(socket: AdminSocket, answers: Answers, lines: Arc<LogLines>) -> io::Result<Self> {
        let speaking = [const { Mutex::new(None) }; THREADS];
        let shared = Arc::new(Shared { socket, answers, lines, is_over: AtomicBool::new(false), speaking });
        // Those that there are end with the value, should another be missing.
        let mut server = Self { shared, threads: Vec::new() };
        for place in 0..THREADS {
            let shared = Arc::clone(&server.shared);
            let thread =
                thread::Builder::new().name("countersign".to_owned()).spawn(move || shared.run(place))?;
            server.threads.push(thread);
        }
        Ok(server)
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes those that wait for somebody to come.
        let _ = rustix::net::shutdown(self.shared.socket.listener(), rustix::net::Shutdown::Both);
        for stream in &self.shared.speaking {
            if let Some(stream) = &*stream.lock() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        for thread in self.threads.drain(..) {
            // It catches its panics.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    fn run(&self, place: usize) {
        let _collecting = self.lines.collect_on_this_thread();
        let Some(speaking) = self.speaking.get(place) else { return };
        let mut is_deaf = false;
        while !self.is_over() {
            match self.socket.listener().accept() {
                Ok((stream, _)) => {
                    is_deaf = false;
                    self.hear(&stream, speaking);
                }
                Err(_) if self.is_over() => return,
                Err(error) => {
                    if !is_deaf {
                        tracing::error!(%error, "operators cannot be heard");
                    }
                    is_deaf = true;
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    /// One exchange, and whatever happens in it is over with it.
    fn hear(&self, stream: &UnixStream, speaking: &Mutex<Option<UnixStream>>) {
        let Ok(other_end) = stream.try_clone() else { return };
        *speaking.lock() = Some(other_end);
        // Whoever ends the server sees the stream, or is seen here.
        if !self.is_over()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.serve(stream)))
        {
            tracing::error!(
                "a panic about an operator's question, which is not answered; please report it: {}",
                told(&*payload)
            );
        }
        *speaking.lock() = None;
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
