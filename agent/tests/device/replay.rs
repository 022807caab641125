//! A connection that was recorded, played back over and over: cut, damaged, or a few bytes at a time.

use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use countersign_agent::credential::Credential;
use countersign_agent::tls::{AuthenticatedStream, Buffers, TlsError, connect};
use countersign_agent::x509::Time;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

use crate::hostile::server::Server;
use crate::pki::{Fleet, NOW};
use crate::random::Random;
use crate::transport::Tcp;

/// The seed of every client in here: the same ClientHello, so that the same answer fits.
const SEED: u64 = 7;

/// What the server says after the handshake, in two records.
pub(crate) const WORDS: [&[u8]; 2] = [b"good morning, ", b"and welcome"];

/// An honest run, as it came over the wire.
pub(crate) struct Recording {
    pub(crate) slot: Vec<u8>,
    /// What the server sent.
    pub(crate) incoming: Vec<u8>,
    /// How much of it was the handshake.
    pub(crate) handshake: usize,
    /// The client's application traffic secret.
    pub(crate) client_secret: [u8; 32],
}

impl Recording {
    pub(crate) fn new() -> Self {
        let fleet = Fleet::new();
        let slot = fleet.slot().to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::scope(|scope| {
            let server = scope.spawn(|| {
                let mut server = Server::accept(listener.accept().unwrap().0, &fleet);
                server.handshake();
                server.await_finished();
                WORDS.iter().for_each(|words| server.encrypted(23, words));
                server.encrypted(21, &[1, 0]);
                server.drain();
                server.client_secret()
            });
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (incoming, handshake) = runtime.block_on(async {
                let mut tap = Tap { tcp: Tcp::connect(port).await, incoming: Vec::new() };
                let mut credential = Credential::read(&slot).unwrap();
                let mut buffers = Buffers::new();
                let mut random = Random::from_seed(SEED);
                let mut stream =
                    connect(&mut tap, &mut credential, Time::Clock(NOW), &mut random, &mut buffers)
                        .await
                        .unwrap();
                let mut said = 0;
                loop {
                    match stream.read(&mut [0; 64]).await.unwrap() {
                        0 => break,
                        length => said += length,
                    }
                }
                // Each record of application data has a header, a type and a tag around it; so has the alert.
                let after = said + WORDS.len() * 22 + 24;
                let handshake = tap.incoming.len() - after;
                (tap.incoming, handshake)
            });
            Self { slot, incoming, handshake, client_secret: server.join().unwrap() }
        })
    }

    /// The client of the recording, on another transport.
    pub(crate) async fn connect<'b>(
        &self,
        replay: &'b mut Replay,
        buffers: &'b mut Buffers,
    ) -> Result<AuthenticatedStream<'b, &'b mut Replay>, TlsError> {
        let mut credential = Credential::read(&self.slot).unwrap();
        connect(replay, &mut credential, Time::Clock(NOW), &mut Random::from_seed(SEED), buffers).await
    }

    /// The whole of it, played back in one piece.
    pub(crate) fn replay(&self) -> Replay {
        self.replay_at(0)
    }

    /// The whole of it, so many bytes at a time.
    pub(crate) fn replay_at(&self, pace: usize) -> Replay {
        Replay { incoming: self.incoming.clone(), pace, ..Replay::default() }
    }
}

/// Writes down what arrives.
struct Tap {
    tcp: Tcp,
    incoming: Vec<u8>,
}

impl ErrorType for Tap {
    type Error = ErrorKind;
}

impl Read for Tap {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let length = self.tcp.read(into).await?;
        self.incoming.extend_from_slice(&into[..length]);
        Ok(length)
    }
}

impl Write for Tap {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        self.tcp.write(from).await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.tcp.flush().await
    }
}

/// Plays back what it has, then ends.
#[derive(Default)]
pub(crate) struct Replay {
    pub(crate) incoming: Vec<u8>,
    position: usize,
    pub(crate) outgoing: Vec<u8>,
    /// At most so many bytes at a time, and a wait before each time; 0 for all at once without waiting.
    pub(crate) pace: usize,
    /// How many bytes writes take in all.
    pub(crate) takes: Option<usize>,
}

impl Replay {
    async fn wait(&self) {
        let mut waited = self.pace == 0;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn limit(&self) -> usize {
        if self.pace == 0 { usize::MAX } else { self.pace }
    }
}

impl ErrorType for Replay {
    type Error = ErrorKind;
}

impl Read for Replay {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        self.wait().await;
        let rest = &self.incoming[self.position..];
        let length = rest.len().min(into.len()).min(self.limit());
        into[..length].copy_from_slice(&rest[..length]);
        self.position += length;
        Ok(length)
    }
}

impl Write for Replay {
    async fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        self.wait().await;
        let room = self.takes.map_or(usize::MAX, |takes| takes - self.outgoing.len());
        if room == 0 {
            return Err(ErrorKind::BrokenPipe);
        }
        let length = from.len().min(self.limit()).min(room);
        self.outgoing.extend_from_slice(&from[..length]);
        Ok(length)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.wait().await;
        Ok(())
    }
}

/// Polls so many times, then drops the future.
pub(crate) fn poll<F: Future>(times: usize, future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..times {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

/// Polls until done; what takes longer than this hangs.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    match poll(100_000, future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it hangs"),
    }
}
