//! [`Place`]: mosquitto with the plugin, by the `broker.toml` of a column.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::client::{Client, Heard, Tls};
use integration_tests::credential::Credential;
use integration_tests::mosquitto::{Mosquitto, plugin_library};
use integration_tests::mqtt::{Connect, Kind, Version};
use integration_tests::peer::Peer;

use super::said::Said;
use crate::cell::Cell;
use crate::certificates::AUTHORITIES;
use crate::column::Column;
use crate::fleet::MatrixFleet;
use crate::mqtt;
use crate::running::observe;

/// How often a client comes that is told, without CONNACK, that mosquitto has no time for its password: it looks at five a
/// second.
const MAX_ATTEMPTS: usize = 40;

/// How long such a client waits.
const PAUSE: Duration = Duration::from_millis(250);

/// How long the log may lag behind what a client was told.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// Who comes.
pub(crate) struct Comes<'a> {
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) device: &'a str,
    pub(crate) secret: Option<&'a str>,
    pub(crate) version: Version,
}

/// A listener.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entrance {
    /// It requires a certificate.
    Mutual,
    /// It asks for none.
    WithoutCertificate,
}

/// What became of a client.
pub(crate) struct Met {
    /// The plugin's decision, if it was asked.
    pub(crate) said: Option<Said>,
    pub(crate) cell: Cell,
}

/// mosquitto with the plugin.
pub(crate) struct Place<'a> {
    mosquitto: Mosquitto,
    matrix_fleet: &'a MatrixFleet,
    observer: Client,
    log: PathBuf,
    payloads: u32,
}

impl<'a> Place<'a> {
    /// mosquitto trusts all CAs that there are, so that as little as possible is refused before the plugin is asked.
    pub(crate) fn start(peer: &Peer, matrix_fleet: &'a MatrixFleet, column: Column) -> Self {
        let fleet = &matrix_fleet.fleet;
        let clients = fleet.beside(&format!("clients-{column}.pem"));
        let anchors = AUTHORITIES.map(|name| fs::read_to_string(fleet.file(name)).expect("a CA"));
        fs::write(&clients, anchors.concat()).expect("a file can be written");
        let rules = fleet.file(&format!("{column}-mosquitto.toml"));
        let text = column.configuration_of_mqtt(&matrix_fleet.more_trusts, "state-mosquitto");
        fs::write(&rules, text).expect("a configuration");
        let log = fleet.beside(&format!("mosquitto-{column}.log"));
        let certificate = fleet.file("broker/cert.pem");
        let key = fleet.file("broker/key.pem");
        let listener = |address: SocketAddr, is_mutual: bool| {
            format!(
                "listener {} {}\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate {is_mutual}\n",
                address.port(),
                address.ip(),
                clients.display(),
                certificate.display(),
                key.display()
            )
        };
        let text = |[mutual, without]: [SocketAddr; 2]| {
            format!(
                "allow_anonymous true\npersistence false\nuser root\nlog_type all\nlog_dest file {}\n\
                 plugin {}\nplugin_opt_config {}\n{}{}",
                log.display(),
                plugin_library("libcountersign_mosquitto.so").display(),
                rules.display(),
                listener(mutual, true),
                listener(without, false)
            )
        };
        let mosquitto = Mosquitto::configured(peer, &fleet.beside(&format!("mosquitto-{column}.conf")), text);
        let observer = observe(mosquitto.address(), matrix_fleet);
        Self { mosquitto, matrix_fleet, observer, log, payloads: 0 }
    }

    /// The alert by which OpenSSL refuses the client, before it says anything.
    pub(crate) fn alert(&self, comes: &Comes<'_>) -> Option<String> {
        let tls = Tls::new(&self.matrix_fleet.fleet, comes.credential);
        let heard = match Client::dial(self.mosquitto.address(), &tls, comes.version) {
            Ok(mut client) => client.hear(Duration::from_secs(2)),
            Err(heard) => heard,
        };
        match heard {
            Heard::Alert(alert) => Some(format!("{alert:?}")),
            _ => None,
        }
    }

    /// What the client meets that asks for this client id.
    pub(crate) fn met(&mut self, entrance: Entrance, comes: &Comes<'_>, client_id: &str) -> Met {
        let tls = Tls::new(&self.matrix_fleet.fleet, comes.credential);
        let mut connect = Connect::new(comes.version, client_id);
        if let Some(secret) = comes.secret {
            connect = connect.user_name(comes.device).password(secret);
        }
        let address = match entrance {
            Entrance::Mutual => self.mosquitto.addresses()[0],
            Entrance::WithoutCertificate => self.mosquitto.addresses()[1],
        };
        let mut attempts = 0;
        let (mark, client, heard) = loop {
            let mark = self.read_log().len();
            let (client, heard) = Client::attempt(address, &tls, &connect);
            attempts += 1;
            if heard != Heard::Closed || comes.secret.is_none() || attempts == MAX_ATTEMPTS {
                break (mark, client, heard);
            }
            thread::sleep(PAUSE);
        };
        let said = self.said(mark);
        let cell = match (client, heard) {
            (Some(client), Heard::Packet(connack)) if connack.is(Kind::ConnAck) => {
                let decided = said.as_ref().and_then(|said| said.reason.as_ref());
                match (connack.reason_code(), comes.version, decided) {
                    (0, version, _) => {
                        self.payloads += 1;
                        let payload = format!("payload {}", self.payloads);
                        let is_device = said.as_ref().is_some_and(Said::is_of_device);
                        let observer = &mut self.observer;
                        mqtt::inside(observer, &payload, client, comes.device, version, is_device).cell
                    }
                    (0x87, Version::V5, Some(reason)) | (5, Version::V311, Some(reason)) => {
                        Cell::Refused(reason.clone())
                    }
                    (code, ..) => Cell::Odd(format!("{code:#04x}")),
                }
            }
            (_, heard) => Cell::Odd(format!("{heard:?}")),
        };
        Met { said, cell }
    }

    fn read_log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8(log).expect("a log of texts")
    }

    /// The first decision in the log after `mark`, if there is one.
    fn said(&self, mark: usize) -> Option<Said> {
        let deadline = Instant::now() + LOG_PATIENCE;
        while Instant::now() < deadline {
            let log = self.read_log();
            // What is not ended by a newline is not written yet.
            let whole = log.rfind('\n').map_or("", |end| log.get(mark..end).unwrap_or_default());
            if let Some(said) = whole.lines().find_map(Said::of_plugin) {
                return Some(said);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }
}
