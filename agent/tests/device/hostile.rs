//! A server that cheats in every way we could think of. Only the honest run completes.
//!
//! None of the others makes the device panic or hang, none is shown its certificate or a signature before it has
//! proved itself, and none gets a byte of application data.

mod established;
mod handshake;
mod hello;
mod proof;

use std::net::TcpListener;
use std::time::Duration;

pub(crate) use adversary::{keys, server};
use countersign_agent::credential::Credential;
use countersign_agent::tls::{Buffers, TlsError, connect};
use countersign_agent::x509::Time;
use embedded_io_async::{Read as _, Write as _};
use tokio::time::timeout;

use crate::pki::{Fleet, NOW};
use crate::random::Random;
use crate::transport::Tcp;
use server::{Seen, Server};

/// What the client says first, if it says anything.
const SECRET: &[u8] = b"SECRET";

/// One way of serving, and how the client must answer.
struct Case {
    name: &'static str,
    serve: fn(&mut Server<'_>),
    outcome: Outcome,
}

enum Outcome {
    /// The handshake completes, the client reads `welcome` and says its [`SECRET`].
    Completes,
    /// `connect` refuses, having shown nothing of itself.
    Refused(fn(TlsError) -> bool),
    /// The handshake completes, the first read fails.
    Fails(fn(TlsError) -> bool),
}

fn refused(name: &'static str, serve: fn(&mut Server<'_>), error: fn(TlsError) -> bool) -> Case {
    Case { name, serve, outcome: Outcome::Refused(error) }
}

fn fails(name: &'static str, serve: fn(&mut Server<'_>), error: fn(TlsError) -> bool) -> Case {
    Case { name, serve, outcome: Outcome::Fails(error) }
}

fn completes(name: &'static str, serve: fn(&mut Server<'_>)) -> Case {
    Case { name, serve, outcome: Outcome::Completes }
}

/// What the client did: its error, if `connect` failed; what the first read gave, otherwise.
enum Did {
    NotConnect(TlsError),
    Read(Result<Vec<u8>, TlsError>),
}

/// Runs all cases, each with a fresh connection, and reports all that went wrong.
fn run(cases: &[Case]) {
    let fleet = Fleet::new();
    let slot = fleet.slot();
    let wrong: Vec<String> = cases.iter().filter_map(|case| judge(case, &fleet, &slot).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn judge(case: &Case, fleet: &Fleet, slot: &[u8]) -> Result<(), String> {
    let name = case.name;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let completes = matches!(case.outcome, Outcome::Completes);
    let (did, seen) = std::thread::scope(|scope| {
        let server = scope.spawn(|| {
            let mut server = Server::accept(listener.accept().unwrap().0, fleet);
            (case.serve)(&mut server);
            if completes {
                server.await_finished();
                server.encrypted(23, b"welcome");
                server.await_data(SECRET);
            }
            server.drain();
            server.seen
        });
        let client = scope.spawn(|| act(slot, port)).join();
        (client, server.join().expect("the script is right"))
    });
    let did = did.map_err(|_| format!("{name}: the client panics"))?;
    let did = did.ok_or_else(|| format!("{name}: the client hangs"))?;
    let shown = seen.certificate || seen.signature;
    match (&case.outcome, did) {
        (Outcome::Completes, Did::Read(Ok(read))) if read == b"welcome" => {
            let all = Seen { bytes: seen.bytes, ..seen_everything() };
            if seen == all { Ok(()) } else { Err(format!("{name}: the server saw {seen:?}")) }
        }
        (Outcome::Refused(_), Did::NotConnect(_)) if shown || !seen.data.is_empty() => {
            Err(format!("{name}: the server, unproven, saw {seen:?}"))
        }
        (Outcome::Fails(_), Did::Read(_)) if !seen.data.is_empty() => {
            Err(format!("{name}: the server saw {seen:?}"))
        }
        (Outcome::Refused(expected), Did::NotConnect(error))
        | (Outcome::Fails(expected), Did::Read(Err(error))) => {
            if expected(error) {
                Ok(())
            } else {
                Err(format!("{name}: refused, but with {error:?}"))
            }
        }
        (_, Did::NotConnect(error)) => Err(format!("{name}: the handshake is refused: {error:?}")),
        (_, Did::Read(read)) => {
            Err(format!("{name}: the handshake completes, and the client reads {read:?}"))
        }
    }
}

fn seen_everything() -> Seen {
    Seen { certificate: true, signature: true, finished: true, data: SECRET.to_vec(), bytes: 0 }
}

/// Connects, reads once, and says its secret if the reading went well. `None` if it hangs.
fn act(slot: &[u8], port: u16) -> Option<Did> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut credential = Credential::read(slot).unwrap();
        let mut buffers = Buffers::new();
        let mut random = Random::new();
        let life =
            async {
                let transport = Tcp::connect(port).await;
                let mut stream =
                    match connect(transport, &mut credential, Time::Clock(NOW), &mut random, &mut buffers)
                        .await
                    {
                        Ok(stream) => stream,
                        Err(error) => return Did::NotConnect(error),
                    };
                let mut read = vec![0; 64];
                match stream.read(&mut read).await {
                    Ok(length) => {
                        read.truncate(length);
                        if length > 0 {
                            stream.write_all(SECRET).await.unwrap();
                            stream.flush().await.unwrap();
                            stream.close().await.unwrap();
                        }
                        Did::Read(Ok(read))
                    }
                    Err(error) => {
                        assert_eq!(stream.read(&mut read).await, Err(error), "an error is final");
                        assert!(stream.write(SECRET).await.is_err(), "an error is final");
                        assert!(stream.flush().await.is_err(), "an error is final");
                        Did::Read(Err(error))
                    }
                }
            };
        timeout(Duration::from_secs(20), life).await.ok()
    })
}
