//! A running mosquitto: the broker that most fleets would pick, with the certificates of a fleet.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::fleet::Fleet;
use crate::peer::Peer;
use crate::program::pid_of;

/// How long it may take until it listens, if valgrind runs it, too.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// How often another port is tried: somebody else may take one between its choice and its use.
const TRIES: usize = 5;

/// A mosquitto process with mutual TLS, for the devices and services of one fleet. It ends with the value.
pub struct Mosquitto {
    child: Child,
    addresses: Vec<SocketAddr>,
}

impl Mosquitto {
    /// Starts it on a free port. `settings` are further lines of mosquitto.conf; everything may be published and
    /// subscribed that `topics` name, as its access lists write them.
    #[track_caller]
    pub fn start(peer: &Peer, fleet: &Fleet, settings: &str, topics: &[&str]) -> Self {
        let anchors =
            ["service-ca/root.pem", "service-ca/issuing.pem", "device-ca/root.pem", "device-ca/issuing.pem"]
                .map(|name| fs::read_to_string(fleet.file(name)).expect("a fleet has CAs"));
        let clients = fleet.beside("mosquitto-clients.pem");
        fs::write(&clients, anchors.concat()).expect("a file can be written");
        let acl = fleet.beside("mosquitto-acl");
        let rules: String = topics.iter().map(|topic| format!("topic readwrite {topic}\n")).collect();
        fs::write(&acl, rules).expect("a file can be written");
        let path = |path: PathBuf| path.display().to_string();
        let common = format!(
            "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nallow_anonymous true\nacl_file {}\n\
             persistence false\nlog_dest none\nuser root\n{settings}\n",
            path(clients),
            path(fleet.file("broker/cert.pem")),
            path(fleet.file("broker/key.pem")),
            path(acl),
        );
        Self::configured(peer, &fleet.beside("mosquitto.conf"), |[address]| {
            format!("listener {} {}\n{common}", address.port(), address.ip())
        })
    }

    /// Starts it with the file `path`, which is written here: `text` is told the free addresses of its listeners.
    #[track_caller]
    pub fn configured<const LISTENERS: usize>(
        peer: &Peer,
        path: &Path,
        text: impl Fn([SocketAddr; LISTENERS]) -> String,
    ) -> Self {
        for _ in 0..TRIES {
            let addresses = [(); LISTENERS].map(|()| free_address());
            fs::write(path, text(addresses)).expect("a file can be written");
            let mut child = peer
                .command()
                .arg("-c")
                .arg(path)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("mosquitto starts");
            if addresses.iter().all(|address| listens(&mut child, *address)) {
                return Self { child, addresses: addresses.to_vec() };
            }
        }
        panic!("mosquitto did not start on any of {TRIES} ports")
    }

    /// Where it listens, first.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        kill_process(pid_of(&self.child), Signal::HUP).expect("it is running");
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Asks it to end, and waits until it has; how.
    pub fn end(&mut self) -> ExitStatus {
        kill_process(pid_of(&self.child), Signal::TERM).expect("it is running");
        self.child.wait().expect("it can be waited for")
    }
}

/// A library for it to load: the one that was built with this test, beside it, or that in the directory which
/// `COUNTERSIGN_TEST_PLUGINS` names (`target/release`: the one that ships, whose heap is its own).
#[track_caller]
pub fn plugin_library(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let library = match std::env::var_os("COUNTERSIGN_TEST_PLUGINS") {
        Some(directory) => Path::new(&directory).join(name),
        None => test.with_file_name(name),
    };
    assert!(library.exists(), "{} is not built", library.display());
    library
}

/// Waits until it listens; `false` if it has ended instead.
fn listens(child: &mut Child, address: SocketAddr) -> bool {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            println!("mosquitto ended with {status}");
            return false;
        }
        if TcpStream::connect(address).is_ok() {
            return true;
        }
        assert!(Instant::now() < deadline, "mosquitto does not listen on {address}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// An address that was free a moment ago: mosquitto cannot be asked to pick one.
fn free_address() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    socket.local_addr().expect("a bound socket has an address")
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and waiting returns at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
