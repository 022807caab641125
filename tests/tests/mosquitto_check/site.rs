//! [`Site`]: a fleet, and the `mosquitto.conf` that is exported for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mosquitto::Mosquitto;
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::peer::Peer;
use integration_tests::program::{Finished, Programs, run};

pub(crate) const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// A fleet with the device `dev-1`, the revoked device `dev-2`, and what is exported for a mosquitto.
pub(crate) struct Site {
    pub(crate) peer: Peer,
    pub(crate) fleet: Fleet,
    pub(crate) device: Credential,
    pub(crate) revoked: Credential,
    /// `mosquitto.conf`, as it was exported.
    pub(crate) exported: String,
}

/// How far somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No further than the door.
    Out,
    /// Connected, and may not publish.
    Connected,
    /// A message to its own topic was taken.
    Publishes,
}

impl Site {
    /// `None`: mosquitto is not installed.
    pub(crate) fn new() -> Option<Self> {
        let peer = Peer::mosquitto()?;
        let fleet = Fleet::new(PROGRAMS);
        let (device, revoked) = (fleet.device("dev-1"), fleet.device("dev-2"));
        fs::copy(fleet.file("crl/device-ca.crl"), fleet.beside("old.crl")).expect("a list");
        fleet.revoke("dev-2");
        let out = fleet.beside("exported");
        let plugin = library("libcountersign_mosquitto.so");
        fleet
            .provision(&[
                "export-broker",
                "--for",
                "mosquitto",
                "--out",
                text(&out),
                "--plugin",
                text(&plugin),
            ])
            .stdout_of_success();
        let exported = fs::read_to_string(out.join("mosquitto.conf")).expect("it was exported");
        Some(Self { peer, fleet, device, revoked, exported })
    }

    /// A file among what was exported.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.fleet.beside("exported").join(name)
    }

    /// Writes a `mosquitto.conf` and checks it.
    pub(crate) fn check(&self, conf: &str) -> Finished {
        fs::write(self.file("mosquitto.conf"), conf).expect("a file can be written");
        let (config, conf) = (self.file("broker.toml"), self.file("mosquitto.conf"));
        let mut command = PROGRAMS.broker();
        command.args(["check", "--json", "--config", text(&config), "--mosquitto", text(&conf)]);
        run(&mut command)
    }

    /// Starts a mosquitto by `conf`, whose first listener is the exported one, and whose others have the port `PORT2`. It
    /// stays root where the tests are: whose the files are is tried elsewhere.
    pub(crate) fn start<const LISTENERS: usize>(&self, conf: &str) -> Mosquitto {
        Mosquitto::configured(
            &self.peer,
            &self.file("mosquitto.conf"),
            |addresses: [SocketAddr; LISTENERS]| {
                let second = addresses.get(1).map_or(0, SocketAddr::port).to_string();
                let first = format!("listener {} {}", addresses[0].port(), Ipv4Addr::LOCALHOST);
                format!(
                    "user root\n{}",
                    conf.replace("listener 8883", &first)
                        .replace("listener PORT2", &format!("listener {second} {}", Ipv4Addr::LOCALHOST))
                )
            },
        )
    }

    /// How far a device gets with its certificate.
    pub(crate) fn reach(&self, address: SocketAddr, credential: Option<&Credential>, name: &str) -> Reach {
        let connect = Connect::new(Version::V5, name);
        let topic = format!("devices/{name}/telemetry/a");
        match Client::attempt(address, &Tls::new(&self.fleet, credential), &connect) {
            (Some(mut client), Heard::Packet(connack))
                if connack.is(Kind::ConnAck) && connack.reason_code() == 0 =>
            {
                client.send(&integration_tests::mqtt::publish(Version::V5, &topic, b"1", 1, false, 1));
                match client.hear(PATIENCE) {
                    Heard::Packet(packet) if packet.is(Kind::PubAck) && packet.reason_code() < 0x80 => {
                        Reach::Publishes
                    }
                    _ => Reach::Connected,
                }
            }
            _ => Reach::Out,
        }
    }
}

/// The reason code of the CONNACK of a plain listener; `None`, if it says nothing.
pub(crate) fn plain_connack(address: SocketAddr, connect: &Connect) -> Option<u8> {
    // mosquitto opens its listeners one after the other.
    let deadline = Instant::now() + PATIENCE;
    let mut socket = loop {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => break socket,
            Err(error) => assert!(Instant::now() < deadline, "it does not listen: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    connack(&mut socket, connect)
}

/// The same at a Unix socket.
pub(crate) fn unix_connack(path: &Path, connect: &Connect) -> Option<u8> {
    let mut socket = UnixStream::connect(path).expect("it listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    connack(&mut socket, connect)
}

fn connack(socket: &mut (impl Read + Write), connect: &Connect) -> Option<u8> {
    socket.write_all(&connect.packet()).expect("it is taken");
    let mut connack = [0; 4];
    socket.read_exact(&mut connack).ok()?;
    (connack[0] == 0x20).then_some(connack[3])
}

/// A library that was built with this test, beside it.
pub(crate) fn library(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a file");
    let library = test.with_file_name(name);
    assert!(library.exists(), "{} is built with the tests", library.display());
    library
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}
