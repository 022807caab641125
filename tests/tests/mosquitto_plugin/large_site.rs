//! [`LargeSite`]: a mosquitto that has the library, and as many devices as wanted, which may publish and subscribe everything.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::large_fleet::{AT_ONCE, configuration};
use integration_tests::mosquitto::{Mosquitto, plugin_library};
use integration_tests::peer::Peer;
use load::client::{Client, ConnectOptions};
use load::concurrent;
use load::site::{Identity, Site};
use load::usage::{Process, raise_descriptor_limit};
use tempfile::TempDir;

/// How long mosquitto may take to write what it has to say.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mosquitto with the library, and who may come.
pub(crate) struct LargeSite {
    /// Declared first, so that it ends before its files go.
    pub(crate) mosquitto: Mosquitto,
    /// Makes certificates and revokes them.
    pub(crate) site: Site,
    _directory: TempDir,
}

impl LargeSite {
    /// Starts it. The plugin alone decides; nothing is dropped because a queue is full.
    #[track_caller]
    pub(crate) fn start(mosquitto: &Peer) -> Self {
        // mosquitto inherits it, and has a file open for each client.
        raise_descriptor_limit();
        let directory = TempDir::new().expect("a temporary directory can be made");
        let site = Site::new(directory.path()).expect("a site can be made");
        fs::write(site.file("broker.toml"), configuration("")).expect("broker.toml can be written");
        let mosquitto = Mosquitto::configured(mosquitto, &site.file("mosquitto.conf"), |[address]| {
            let file = |name: &str| site.file(name).display().to_string();
            format!(
                "listener {} {}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
                 allow_anonymous true\nmax_queued_messages 1000000\npersistence false\nuser root\n\
                 log_type notice\nlog_type error\nlog_dest file {}\nplugin {}\nplugin_opt_config {}\n",
                address.port(),
                address.ip(),
                file("client-cas.pem"),
                file("server.pem"),
                file("server.key"),
                file("log"),
                plugin_library("libcountersign_mosquitto.so").display(),
                file("broker.toml"),
            )
        });
        Self { mosquitto, site, _directory: directory }
    }

    /// mosquitto's process.
    pub(crate) fn process(&self) -> Process {
        Process(self.mosquitto.process_id())
    }

    /// One of the site's files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.site.file(name)
    }

    /// Waits until the log has `text`.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(self.file("log")).unwrap_or_default();
            if log.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Connects one.
    pub(crate) async fn connect(&self, identity: &Identity) -> Client {
        let connected = Client::connect(self.mosquitto.address(), identity, ConnectOptions::default()).await;
        connected.expect("a good client is let in").0
    }

    /// Connects all of them.
    pub(crate) async fn connect_all(&self, identities: &[Identity]) -> Vec<Client> {
        let address = self.mosquitto.address();
        concurrent::each(AT_ONCE, identities.iter().cloned(), |identity| async move {
            let connected = Client::connect(address, &identity, ConnectOptions::default()).await;
            connected.expect("a good client is let in").0
        })
        .await
    }
}
