//! [`Site`]: a fleet, and a mosquitto that has a plugin.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, PATIENCE, Tls};
use integration_tests::credential::Credential;
use integration_tests::fleet::Fleet;
use integration_tests::mosquitto::{Mosquitto, plugin_library};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::peer::Peer;
use integration_tests::program::Programs;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// A fleet with the devices `dev-1` and `dev-2`, and a mosquitto that asks a plugin about them.
pub(crate) struct Site {
    /// Declared first, so that it ends before its fleet goes.
    pub(crate) mosquitto: Mosquitto,
    pub(crate) fleet: Fleet,
    pub(crate) device: Credential,
    pub(crate) other: Credential,
}

/// What a listener is like, beside its certificate.
pub(crate) const MUTUAL: &str = "require_certificate true\n";

/// The same, and mosquitto does not ask who may connect.
pub(crate) const SKIPS_BASIC_AUTH: &str = "require_certificate true\nuse_identity_as_username true\n";

impl Site {
    /// With the plugin of the tests and one listener. `None`: mosquitto is not installed.
    pub(crate) fn new() -> Option<Self> {
        Self::with_listeners([MUTUAL], "")
    }

    /// The same with such listeners, and further lines of mosquitto.conf.
    pub(crate) fn with_listeners<const COUNT: usize>(
        listeners: [&str; COUNT],
        settings: &str,
    ) -> Option<Self> {
        Self::start(listeners, |fleet| {
            let (anchor, crl, panic) =
                (fleet.file("device-ca/issuing.pem"), fleet.file("crl/device-ca.crl"), fleet.beside("panic"));
            format!(
                "plugin {}\nplugin_opt_anchor {}\nplugin_opt_crl {}\nplugin_opt_panic {}\n{settings}",
                plugin_library("libtest_plugin.so").display(),
                anchor.display(),
                crl.display(),
                panic.display()
            )
        })
    }

    /// With the library itself and these options of it.
    pub(crate) fn with_library(options: impl Fn(&Fleet) -> String) -> Option<Self> {
        Self::start([MUTUAL], |fleet| {
            format!("plugin {}\n{}", plugin_library("libcountersign_mosquitto.so").display(), options(fleet))
        })
    }

    /// With the library, which decides by the fleet's own `broker.toml`.
    pub(crate) fn by_broker_toml() -> Option<Self> {
        Self::with_library(|fleet| format!("plugin_opt_config {}\n", fleet.file("broker.toml").display()))
    }

    fn start<const COUNT: usize>(
        listeners: [&str; COUNT],
        plugin: impl Fn(&Fleet) -> String,
    ) -> Option<Self> {
        let peer = Peer::mosquitto()?;
        let fleet = Fleet::new(PROGRAMS);
        let (device, other) = (fleet.device("dev-1"), fleet.device("dev-2"));
        let clients = fleet.beside("clients.pem");
        let anchors =
            ["device-ca/root.pem", "device-ca/issuing.pem", "service-ca/root.pem", "service-ca/issuing.pem"]
                .map(|name| fs::read_to_string(fleet.file(name)).expect("a fleet has CAs"));
        fs::write(&clients, anchors.concat()).expect("a file can be written");
        let text = |addresses: [SocketAddr; COUNT]| {
            // mosquitto's own answer would let everybody in: whoever is refused is refused by the plugin.
            let mut text = format!(
                "allow_anonymous true\npersistence false\nuser root\nlog_type all\nlog_dest file {}\n{}\n",
                fleet.beside("log").display(),
                plugin(&fleet)
            );
            for (address, listener) in addresses.iter().zip(listeners) {
                text += &format!(
                    "listener {} {}\ncafile {}\ncertfile {}\nkeyfile {}\n{listener}",
                    address.port(),
                    address.ip(),
                    clients.display(),
                    fleet.file("broker/cert.pem").display(),
                    fleet.file("broker/key.pem").display()
                );
            }
            text
        };
        let mosquitto = Mosquitto::configured(&peer, &fleet.beside("mosquitto.conf"), text);
        let site = Self { mosquitto, fleet, device, other };
        site.settle();
        Some(site)
    }

    pub(crate) fn tls(&self, credential: &Credential) -> Tls {
        Tls::new(&self.fleet, Some(credential))
    }

    /// `dev-1` comes in, with a clean session.
    #[track_caller]
    pub(crate) fn dev_1(&self, version: Version) -> Client {
        self.connect(&self.device, &Connect::new(version, "dev-1"))
    }

    #[track_caller]
    pub(crate) fn connect(&self, credential: &Credential, connect: &Connect) -> Client {
        Client::connect(self.mosquitto.address(), &self.tls(credential), connect)
    }

    /// Comes, and is refused: the reason code of CONNACK.
    #[track_caller]
    pub(crate) fn refused(&self, credential: &Credential, connect: &Connect) -> u8 {
        match Client::attempt(self.mosquitto.address(), &self.tls(credential), connect).1 {
            Heard::Packet(packet) if packet.is(Kind::ConnAck) && packet.reason_code() != 0 => {
                packet.reason_code()
            }
            other => panic!("{other:?} instead of a refusal"),
        }
    }

    /// Has these callbacks panic from now on.
    pub(crate) fn panic_in(&self, events: &str) {
        self.fleet.replace("../panic", events.as_bytes());
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.fleet.beside("log")).unwrap_or_default();
        String::from_utf8(log).expect("a log of texts")
    }

    /// Waits until the log has `text`, `times` times.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.log().matches(text).count() < times {
            assert!(Instant::now() < deadline, "no {text:?} in\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for some ticks.
    pub(crate) fn settle(&self) {
        thread::sleep(Duration::from_millis(500));
    }
}

/// Whether a reason code of MQTT 5 says that it was done: mosquitto says, too, that nobody was there to hear it.
pub(crate) fn is_done(code: u8) -> bool {
    code < 0x80
}

/// What the client hears at the end of its connection: whether it was told that somebody wants it away.
#[track_caller]
pub(crate) fn is_kicked(client: &mut Client) -> bool {
    match client.hear(PATIENCE) {
        Heard::Packet(packet) if packet.is(Kind::Disconnect) => {
            assert_eq!(packet.reason_code(), 0x98, "administrative action");
            client.hear(PATIENCE) == Heard::Closed
        }
        Heard::Closed => true,
        _ => false,
    }
}
