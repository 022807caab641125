//! [`Server`]: a server on loopback that says what a test makes it say.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// No test takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

type Answer = dyn Fn(&mut Client, &str) + Send + Sync;

/// A server, stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers every request with `answer`, which is given the head of the request.
    pub(crate) fn start(answer: impl Fn(&mut Client, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let accepting = {
            let (requests, stop, answer) =
                (Arc::clone(&requests), Arc::clone(&stop), Arc::new(answer) as Arc<Answer>);
            spawn(move || accept(&listener, &requests, &stop, &answer))
        };
        Self { address, requests, stop, accepting: Some(accepting) }
    }

    /// Answers every request with `bytes`, and ends the connection.
    pub(crate) fn says(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::start(move |client, _| {
            client.write(bytes.as_ref());
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

fn accept(
    listener: &TcpListener,
    requests: &Arc<Mutex<Vec<String>>>,
    stop: &Arc<AtomicBool>,
    answer: &Arc<Answer>,
) {
    let mut serving = Vec::new();
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let stream = stream.unwrap();
        let (requests, stop, answer) = (Arc::clone(requests), Arc::clone(stop), Arc::clone(answer));
        serving.push(spawn(move || {
            let mut client = Client { stream, stop, begin: Instant::now() };
            let request = client.head();
            requests.lock().push(request.clone());
            answer(&mut client, &request);
        }));
    }
    serving.into_iter().for_each(|thread| thread.join().unwrap());
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.accepting.take().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A connection that a server has accepted.
pub(crate) struct Client {
    stream: TcpStream,
    stop: Arc<AtomicBool>,
    begin: Instant,
}

impl Client {
    fn head(&mut self) -> String {
        self.stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        self.stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut head = String::new();
        let mut reader = BufReader::with_capacity(1, &self.stream);
        while !head.ends_with("\r\n\r\n") && self.begin.elapsed() < PATIENCE {
            match reader.read_line(&mut head) {
                Ok(0) => break,
                Err(error) if is_timeout(&error) && !self.stop.load(Ordering::SeqCst) => {}
                Err(_) => break,
                Ok(_) => {}
            }
        }
        head
    }

    /// Sends `bytes`; false once the client is gone.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        !self.stop.load(Ordering::SeqCst) && self.stream.write_all(bytes).is_ok()
    }

    /// Reads exactly `length` bytes.
    pub(crate) fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Says nothing more until the client is gone.
    pub(crate) fn hang(&mut self) {
        let mut byte = [0];
        while self.begin.elapsed() < PATIENCE && !self.stop.load(Ordering::SeqCst) {
            match self.stream.read(&mut byte) {
                Err(error) if is_timeout(&error) => {}
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
