//! [`Responder`]: a responder on loopback that answers by OpenSSL, or does worse.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::pki::{DAY, now};

use crate::authority::{Authority, Status};
use crate::redated::{Times, redated};

/// No connection is served for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the responder does when it is asked about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// It says for an hour what has become of it.
    Says(Status),
    /// It says after a while that it is good.
    GoodAfter(Duration),
    /// It says that it is good, for so long.
    GoodFor(Duration),
    /// It says that it was good until yesterday.
    GoodUntilYesterday,
    /// It accepts, and says nothing.
    Hangs,
    /// It sends a good answer, an octet each second.
    Drips,
    /// It sends bytes that mean nothing.
    Garbage,
    /// It sends half of a good answer as if it were all.
    Half,
    /// It says that another certificate is good.
    AboutAnother,
    /// It sends a good answer to another question about the certificate.
    Replayed,
    /// It says that the certificate is good, signed by another CA.
    SignedByAnother,
    /// It says that the certificate is good, with a bit of the signature flipped.
    SignatureBroken,
    /// It says `tryLater` (RFC 6960 §2.3).
    TryLater,
    /// It sends the client elsewhere, where the answer would be good.
    Redirects,
    /// It has a status of HTTP and no answer.
    Fails(u16),
    /// It announces a gigabyte and sends it.
    Floods,
}

/// A responder. It stops with the value.
pub(crate) struct Responder {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    devices: Authority,
    services: Authority,
    stop: AtomicBool,
    /// By the last segment of the URL.
    certificates: Mutex<BTreeMap<String, Certificate>>,
}

#[derive(Clone)]
struct Certificate {
    /// In hex.
    serial: String,
    conduct: Conduct,
    asked: usize,
    /// The first question.
    question: Vec<u8>,
}

impl Responder {
    /// The responder of a fleet's device CA, on a free port.
    pub(crate) fn start(fleet: &Fleet) -> Self {
        Self::on(fleet, TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn on(fleet: &Fleet, listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            devices: Authority::of(fleet, "device-ca"),
            services: Authority::of(fleet, "service-ca"),
            stop: AtomicBool::new(false),
            certificates: Mutex::default(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    if shared.stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    // A broker that goes away is served no longer.
                    thread::spawn(move || serve(stream, &shared).ok());
                }
            })
        };
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Where it is asked, about the certificate that this stands for.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// From now on `name` stands for a certificate.
    pub(crate) fn knows(&self, name: &str, credential: &Credential, conduct: Conduct) {
        let serial = data_encoding::HEXUPPER.encode(&credential.serial());
        let certificate = Certificate { serial, conduct, asked: 0, question: Vec::new() };
        self.shared.certificates().insert(name.to_owned(), certificate);
    }

    /// What it does from now on when it is asked about `name`.
    pub(crate) fn set(&self, name: &str, conduct: Conduct) {
        self.shared.certificates().get_mut(name).expect("it knows it").conduct = conduct;
    }

    /// How often it was asked about `name`.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.shared.certificates().get(name).map_or(0, |certificate| certificate.asked)
    }

    /// Waits until it is asked about `name` once more.
    #[track_caller]
    pub(crate) fn wait_for_question(&self, name: &str) {
        let (begin, before) = (Instant::now(), self.asked(name));
        while self.asked(name) == before {
            assert!(begin.elapsed() < PATIENCE, "nobody asks about {name}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        self.accepting.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn certificates(&self) -> MutexGuard<'_, BTreeMap<String, Certificate>> {
        self.certificates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn says(&self, certificate: &Certificate, request: &[u8], status: Status) -> Vec<u8> {
        self.devices.answer(&self.devices, request, &certificate.serial, status)
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let (line, fields) = head.split_once("\r\n").expect("a request has lines");
    let length = fields.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut request = vec![0; length.unwrap_or(0).min(10_000)];
    reader.read_exact(&mut request)?;
    let name = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let is_fit = line.starts_with("POST ")
        && fields.to_ascii_lowercase().contains("content-type: application/ocsp-request\r\n");
    let Some(certificate) = shared.certificates().get_mut(name).filter(|_| is_fit).map(|certificate| {
        certificate.asked += 1;
        if certificate.asked == 1 {
            certificate.question.clone_from(&request);
        }
        certificate.clone()
    }) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    conduct(&mut stream, shared, &certificate, &request)
}

fn conduct(
    stream: &mut TcpStream,
    shared: &Shared,
    certificate: &Certificate,
    request: &[u8],
) -> std::io::Result<()> {
    let good = || shared.says(certificate, request, Status::Good);
    let dated = |times| redated(&good(), times, &shared.devices);
    match certificate.conduct {
        Conduct::Says(status) => send(stream, &shared.says(certificate, request, status)),
        Conduct::GoodAfter(delay) => {
            thread::sleep(delay);
            send(stream, &good())
        }
        Conduct::GoodFor(time) => send(stream, &dated(Times { begin: now(), end: now() + time })),
        Conduct::GoodUntilYesterday => {
            send(stream, &dated(Times { begin: now() - 2 * DAY, end: now() - DAY }))
        }
        Conduct::Hangs => wait(shared, || Ok(())),
        Conduct::Drips => {
            let answer = good();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len())?;
            let mut octets = answer.iter();
            wait(shared, || octets.next().map_or(Ok(()), |octet| stream.write_all(&[*octet])))
        }
        Conduct::Garbage => send(stream, b"<html>It works!</html>"),
        Conduct::Half => {
            let answer = good();
            send(stream, &answer[..answer.len() / 2])
        }
        Conduct::AboutAnother => {
            let question = shared.devices.question_about("7E");
            send(stream, &shared.devices.answer(&shared.devices, &question, "7E", Status::Good))
        }
        Conduct::Replayed => {
            // The first question is replaced by one with a nonce that nobody asks with.
            let mut earlier = certificate.question.clone();
            *earlier.last_mut().expect("a question has octets") ^= 1;
            send(stream, &shared.says(certificate, &earlier, Status::Good))
        }
        Conduct::SignedByAnother => {
            let answer = shared.services.answer(&shared.devices, request, &certificate.serial, Status::Good);
            send(stream, &answer)
        }
        Conduct::SignatureBroken => {
            let mut answer = good();
            *answer.last_mut().expect("an answer has octets") ^= 1;
            send(stream, &answer)
        }
        Conduct::TryLater => send(stream, &[0x30, 3, 0x0a, 1, 3]),
        Conduct::Redirects => {
            stream.write_all(b"HTTP/1.1 307 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        }
        Conduct::Fails(status) => {
            write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
        }
        Conduct::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")?;
            while !shared.stop.load(Ordering::SeqCst) {
                stream.write_all(&[0x30; 65_536])?;
            }
            Ok(())
        }
    }
}

fn send(stream: &mut TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let length = answer.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(answer)
}

/// Does something once a second, until the responder stops.
fn wait(shared: &Shared, mut each: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE && !shared.stop.load(Ordering::SeqCst) {
        each()?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
