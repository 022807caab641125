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

use crate::conduct::{Conduct, Question};
use integration_tests::ocsp_authority::Authority;

/// No connection is served for longer.
const PATIENCE: Duration = Duration::from_secs(20);

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
}

impl Responder {
    /// The responder of a fleet's device CA, on a free port.
    pub(crate) fn start(fleet: &Fleet) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
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
        let certificate = Certificate { serial, conduct, asked: 0 };
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
        certificate.clone()
    }) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let question = Question {
        der: &request,
        serial: &certificate.serial,
        issuer: &shared.devices,
        other: &shared.services,
        stop: &shared.stop,
    };
    question.treat(&mut stream, certificate.conduct)
}
