//! Crowds that connect and get no further: whoever is good does not wait for them.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::Forger;
use integration_tests::site::Site;
use rustls::AlertDescription;

use crate::PROGRAMS;

/// Connections that say nothing, or begin a handshake and leave it.
const SILENT: usize = 200;

/// Strangers that try at once, each again as soon as it has failed.
const STRANGERS: usize = 4;

/// How many of their handshakes fail at least, while the healthy ones come.
const FAILURES: usize = 300;

/// How many healthy ones come.
const HEALTHY: usize = 30;

/// How long all of it may take: a pause of 100 ms for each failure would make it half a minute.
const BOUND: Duration = Duration::from_secs(25);

/// Set when the scope ends, also by a panic: or else the strangers would go on for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn silent(address: SocketAddr, tls: &Tls) -> Vec<TcpStream> {
    (0..SILENT)
        .map(|number| match number % 2 {
            0 => TcpStream::connect_timeout(&address, PATIENCE).expect("the broker accepts connections"),
            _ => Client::stall(address, tls, 0.5),
        })
        .collect()
}

/// All of the silent ones are held from before the first healthy connect until after the last.
#[test]
fn silent_connections_and_failing_handshakes_keep_nobody_waiting() {
    let site = Site::configured(PROGRAMS, |fleet| fleet.limit("handshake-timeout = \"120s\""));
    let (address, tls) = (site.address(), site.tls(&site.device));
    let stranger = site.tls(&Forger::stranger(&site.fleet).certificate("dev-1"));
    let held = silent(address, &tls);
    let mut session = site.backend(Version::V5);
    let (is_over, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let begin = Instant::now();
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for _ in 0..STRANGERS {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    let (_, heard) = Client::attempt(address, &stranger, &Connect::new(Version::V5, "dev-1"));
                    assert_eq!(heard, Heard::Alert(AlertDescription::UnknownCA));
                    failed.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 0..HEALTHY {
            let (_, heard) = Client::attempt(address, &tls, &Connect::new(Version::V5, "dev-1"));
            let is_in = matches!(&heard, Heard::Packet(connack) if connack.reason_code() == 0);
            assert!(is_in, "healthy connect {number} of {HEALTHY}: {heard:?}");
        }
        assert!(session.is_alive());
        while failed.load(Ordering::SeqCst) < FAILURES {
            assert!(begin.elapsed() < BOUND, "{failed:?} handshakes failed in {BOUND:?}");
            thread::sleep(Duration::from_millis(10));
        }
    });
    println!("{failed:?} failures beside {HEALTHY} healthy connects in {:?}", begin.elapsed());
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    for mut socket in held {
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket option");
        let heard = socket.read(&mut [0; 16]).map_err(|error| error.kind());
        assert_eq!(heard, Err(ErrorKind::WouldBlock), "it is held still");
    }
}
