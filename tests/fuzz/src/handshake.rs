//! The TLS client, against a server that holds the secrets of the handshake.
//!
//! An input is a script of what the server sends: any messages in any order, correctly encrypted; it cannot sign with a
//! key it does not have. The client must not panic and must come to an end. It must authenticate the server only if the
//! handshake was honest, send its certificate to no other, and deliver no data but that of an authenticated server.

mod change;
mod honesty;
mod script;
mod seeds;
mod wire;

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use adversary::pki::{Certified, NOW};
use adversary::random::Random;
use adversary::server::{self, Server};
use countersign_agent::credential::{Credential, SoftwareSigner};
use countersign_agent::tls::{Buffers, TlsError, connect};
use countersign_agent::x509::Time;
use device_identity::image::SLOT_LEN;
use embedded_io_async::{Read as _, Write as _};

use crate::Verdict;
use crate::fleet::{fleet, impostor, impostors_broker};
pub use change::change;
use honesty::{Said, Transcript};
use script::{Edit, Message, Step};
pub use seeds::seeds;
use wire::{ClientEnd, ServerEnd, Wire};

/// What the client sends once it has authenticated the server.
const SECRET: &[u8] = b"SECRET";

/// The longest content of a record there is (RFC 8446 §5.1).
const MAX_PLAINTEXT: usize = 1 << 14;

pub fn run(input: &[u8]) -> Verdict {
    let wire = RefCell::new(Wire::default());
    let heard = RefCell::new(Heard::default());
    let mut buffers = Buffers::new();
    let credential = &mut *credential();
    let mut client = pin!(live(ClientEnd(&wire), credential, &mut buffers, &heard));

    assert!(poll(client.as_mut()).is_pending(), "the client waits for an answer");
    let mut peer = Peer::new(&wire);
    for step in script::read(input) {
        peer.perform(step);
        let ready = poll(client.as_mut()).is_ready();
        peer.observe(&wire);
        if ready {
            break;
        }
    }
    wire.borrow_mut().ended = true;
    if heard.borrow().end.is_none() {
        assert!(poll(client.as_mut()).is_ready(), "the client hangs");
    }
    peer.observe(&wire);

    let heard = heard.borrow();
    let seen = &peer.server.seen;
    match peer.transcript.believable() {
        Some(data) => {
            assert!(data.starts_with(&heard.data), "the client heard {:?} of {data:?}", heard.data);
        }
        None => {
            assert!(!heard.connected, "the client takes an impostor for its broker");
            assert!(!seen.certificate && !seen.signature, "the client shows an impostor who it is");
        }
    }
    assert!(if heard.connected { SECRET.starts_with(&seen.data) } else { seen.data.is_empty() });
    Verdict::accepted_if(heard.connected)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What the client made of it.
#[derive(Default)]
struct Heard {
    connected: bool,
    data: Vec<u8>,
    /// How it ended, once it has.
    end: Option<Result<(), TlsError>>,
}

/// Connects, says its secret, and reads until the end.
async fn live(
    transport: ClientEnd<'_>,
    credential: &mut Credential<'_, SoftwareSigner>,
    buffers: &mut Buffers,
    heard: &RefCell<Heard>,
) {
    let talk = async {
        let mut random = Random::from_seed(7);
        let mut stream = connect(transport, credential, Time::Clock(NOW), &mut random, buffers).await?;
        heard.borrow_mut().connected = true;
        stream.write_all(SECRET).await?;
        stream.flush().await?;
        let mut some = [0; 600];
        loop {
            match stream.read(&mut some).await {
                Ok(0) => return stream.close().await,
                Ok(length) => heard.borrow_mut().data.extend_from_slice(&some[..length]),
                Err(error) => {
                    assert_eq!(stream.read(&mut some).await, Err(error), "an error is final");
                    assert!(stream.write(SECRET).await.is_err(), "an error is final");
                    return Err(error);
                }
            }
        }
    };
    let end = talk.await;
    heard.borrow_mut().end = Some(end);
}

/// The device's. A signature is made whenever a credential is read: once is enough.
fn credential() -> MutexGuard<'static, Credential<'static, SoftwareSigner>> {
    static CREDENTIAL: LazyLock<Mutex<Credential<'static, SoftwareSigner>>> = LazyLock::new(|| {
        let slot: &[u8; SLOT_LEN] = Box::leak(Box::new(fleet().slot()));
        Mutex::new(Credential::read(slot).expect("a credential"))
    });
    CREDENTIAL.lock().expect("nobody has panicked with it")
}

/// The server, and what it has said.
struct Peer<'w> {
    server: Server<'static, ServerEnd<'w>>,
    transcript: Transcript,
    last: Vec<u8>,
    concluded: bool,
    established: bool,
}

impl<'w> Peer<'w> {
    fn new(wire: &'w RefCell<Wire>) -> Self {
        let client_hello = wire.borrow().to_server.iter().skip(5).copied().collect();
        let server = Server::answer(ServerEnd(wire), fleet(), Random::from_seed(8));
        let transcript = Transcript { client_hello, ..Transcript::default() };
        Self { server, transcript, last: Vec::new(), concluded: false, established: false }
    }

    /// Does what can be done: nothing is sealed before there are secrets.
    fn perform(&mut self, step: Step<'_>) {
        match step {
            Step::Hello(edit) => {
                let hello = self.server.hello_edited(|_| (), |message| edit.apply(message));
                let secret = self.server.handshake_secret();
                self.transcript.secret = self.transcript.secret.or(secret);
                self.established = false;
                self.say(server::plain(22, &hello));
            }
            Step::Plain(kind, content) => self.say(server::plain(kind, content)),
            Step::Raw(bytes) => self.say(bytes.to_vec()),
            Step::Again(edit) => {
                let mut again = self.last.clone();
                edit.apply(&mut again);
                self.say(again);
            }
            _ if self.server.sending.is_none() => {}
            Step::Add(message, edit) => self.add(message, edit),
            Step::Send { kind, padding } => {
                let flight = self.server.take_pending();
                self.seal([&flight, &[kind][..], &vec![0; usize::from(padding)]].concat());
            }
            Step::SendPart(length) => {
                let mut part = self.server.take_pending();
                let rest = part.split_off(usize::from(length).min(part.len()));
                self.server.put_back(rest);
                self.seal([&part, &[22][..]].concat());
            }
            Step::Seal(inner) => self.seal(inner.to_vec()),
            Step::Establish if self.concluded => {
                self.established = true;
                self.server.establish();
            }
            Step::Establish => {}
        }
    }

    fn add(&mut self, message: Message<'_>, edit: Edit<'_>) {
        let server = &mut self.server;
        let mut bytes = match message {
            Message::EncryptedExtensions => server::encrypted_extensions(),
            Message::CertificateRequest => server::certificate_request(),
            Message::Certificate(chain) => {
                let chain = chain.iter().take(20).map(|index| certified(*index).der.as_slice());
                server::certificate(&chain.collect::<Vec<_>>())
            }
            Message::CertificateVerify { signer, scheme } => {
                server::certificate_verify(scheme, &server.proof(certified(signer)))
            }
            Message::Finished => server::message(20, &server.verify_data()),
            Message::Other(kind, body) => server::message(kind, body),
        };
        let mut body = bytes.split_off(4);
        edit.apply(&mut body);
        server.add(&server::message(bytes[0], &body));
        if matches!(message, Message::Finished) {
            server.conclude();
            self.concluded = true;
        }
    }

    fn say(&mut self, bytes: Vec<u8>) {
        self.server.raw(&bytes);
        self.transcript.said.push(Said::Bytes(bytes.clone()));
        self.last = bytes;
    }

    fn seal(&mut self, mut inner: Vec<u8>) {
        inner.truncate(MAX_PLAINTEXT);
        self.last = self.server.sealed(&inner);
        self.server.raw(&self.last);
        self.transcript.said.push(Said::Sealed { inner, established: self.established });
    }

    /// Takes in what the client has said. After its ClientHello nothing of it may be in plain text.
    fn observe(&mut self, wire: &RefCell<Wire>) {
        while let Some(kind) = { wire.borrow().to_server.front().copied() } {
            assert_eq!(kind, 23, "the client says something in plain text");
            assert!(self.server.observe(), "the client says half a record");
        }
    }
}

/// Who the server can be or send along, by number.
fn certified(index: u8) -> &'static Certified {
    let fleet = fleet();
    match index % 8 {
        0 => &fleet.broker,
        1 => &fleet.broker_issuing,
        2 => &fleet.broker_root,
        3 => &fleet.device,
        4 => &fleet.device_root,
        5 => impostors_broker(),
        _ => impostor(),
    }
}
