//! [`FileServer`]: a web server on loopback that publishes revocation lists or key sets, or does worse. What it is asked, it
//! ignores: an answer of OCSP (RFC 6960) is as good.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

/// No connection is served for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// It sends this, and forbids to store it.
    Sends(Vec<u8>),
    /// It sends this with an entity tag, and says to whoever has that already that it has not changed.
    Tags(Vec<u8>),
    /// It accepts, and says nothing.
    Hangs,
    /// It announces a whole file, and stops in the middle.
    Cuts(Vec<u8>),
    /// It announces so many bytes, and sends them.
    Announces(u64),
    /// It sends bytes without end.
    Floods,
    /// It answers with this status.
    Fails(u16),
}

/// A web server that treats all requests alike. It stops with the value.
pub struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    requests: AtomicUsize,
    stop: AtomicBool,
}

impl FileServer {
    /// A server on a free port.
    pub fn start(behaviour: Behaviour) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), behaviour)
    }

    /// A server where somebody listens already.
    pub fn on(listener: TcpListener, behaviour: Behaviour) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let (requests, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { behaviour: Mutex::new(behaviour), requests, stop });
        let accepting = {
            let shared = Arc::clone(&shared);
            spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    // A client that goes away is served no longer.
                    spawn(move || serve(stream, &shared).ok());
                }
            })
        };
        Self { address, shared, accepting: Some(accepting) }
    }

    /// The URL of a file.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// What it does from now on.
    pub fn set(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// How many requests have come so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Waits until so many more have come, and the first of them must have been answered.
    #[track_caller]
    pub fn wait_for_requests(&self, more: usize) {
        let (begin, wanted) = (Instant::now(), self.requests() + more);
        while self.requests() < wanted {
            assert!(begin.elapsed() < PATIENCE, "nobody asks");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.accepting.take().map(JoinHandle::join);
    }
}

/// Reads a request, with its body if it has one: a connection that is closed before would be reset. Whether the client has an
/// earlier answer.
fn take_request(stream: &TcpStream) -> std::io::Result<bool> {
    let mut reader = BufReader::new(stream);
    let (mut body, mut has_it) = (0, false);
    for line in reader.by_ref().lines() {
        let line = line?.to_ascii_lowercase();
        if let Some(length) = line.strip_prefix("content-length:") {
            body = length.trim().parse().unwrap_or(0);
        }
        has_it |= line.starts_with("if-none-match:");
        if line.is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.take(body), &mut std::io::sink())?;
    Ok(has_it)
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let has_it = take_request(&stream)?;
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let behaviour = shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let header = |length: usize| {
        format!("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {length}\r\n\r\n")
    };
    match behaviour {
        Behaviour::Sends(list) => {
            stream.write_all(header(list.len()).as_bytes())?;
            stream.write_all(&list)
        }
        Behaviour::Tags(_) if has_it => stream.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        Behaviour::Tags(file) => {
            let head = format!("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n", file.len());
            stream.write_all(head.as_bytes())?;
            stream.write_all(&file)
        }
        Behaviour::Cuts(list) => {
            stream.write_all(header(list.len()).as_bytes())?;
            stream.write_all(list.get(..list.len() / 2).unwrap_or_default())
        }
        Behaviour::Fails(status) => {
            stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes())
        }
        Behaviour::Announces(length) => {
            stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes())?;
            std::io::copy(&mut std::io::repeat(b' ').take(length), &mut stream).map(drop)
        }
        Behaviour::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            while !shared.stop.load(Ordering::SeqCst) {
                stream.write_all(&[b'x'; 65_536])?;
            }
            Ok(())
        }
        Behaviour::Hangs => {
            let begin = Instant::now();
            while begin.elapsed() < PATIENCE && !shared.stop.load(Ordering::SeqCst) {
                if let Ok(0) = stream.read(&mut [0; 64]) {
                    break;
                }
            }
            Ok(())
        }
    }
}
