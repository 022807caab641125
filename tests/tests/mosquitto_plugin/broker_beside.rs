//! [`with_both`]: a fleet whose `broker.toml` decides inside mosquitto, and once more in the broker, each with a state
//! directory of its own.

use std::fs;

use integration_tests::broker::{Broker, operate, operate_with_configuration};
use integration_tests::client::{Client, Tls};
use integration_tests::credential::Credential;
use integration_tests::mqtt::Connect;
use integration_tests::program::Finished;

use crate::site::Site;

/// What the broker reads, beside `broker.toml`.
const FOR_BROKER: &str = "beside.toml";

/// What services may subscribe to in a new fleet begins like this.
const SERVICES: &str = "subscribe = [\"devices/+/telemetry/#\"";

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Mosquitto,
    Broker,
}

impl Host {
    pub(crate) const BOTH: [Self; 2] = [Self::Mosquitto, Self::Broker];
}

/// Both, for one fleet.
pub(crate) struct Both {
    broker: Broker,
    pub(crate) site: Site,
    pub(crate) service: Credential,
}

/// Starts both, for a fleet whose services may publish to everything, and subscribe to these, too. `None`: mosquitto is not
/// installed.
pub(crate) fn with_both(also: &str) -> Option<Both> {
    let site = Site::with_library(|fleet| {
        if !fleet.file(FOR_BROKER).exists() {
            fleet.service("backend");
            fleet.configure(SERVICES, &SERVICES.replace('[', &format!("[\"{also}\", ")));
            fleet.configure(
                "publish = [\"devices/+/commands/#\"",
                "publish = [\"#\", \"devices/+/commands/#\"",
            );
            let text = fs::read_to_string(fleet.file("broker.toml")).expect("a configuration");
            let listen = text.lines().find(|line| line.starts_with("address = ")).expect("an address");
            let text = text.replace(listen, "address = \"127.0.0.1:0\"");
            fleet.replace(FOR_BROKER, format!("{text}\n[state]\ndir = \"beside\"\n").as_bytes());
        }
        format!("plugin_opt_config {}\n", fleet.file("broker.toml").display())
    })?;
    let file = |name: &str| site.fleet.file("services").join(format!("backend.{name}.pem"));
    let service = Credential { certificate: file("cert"), key: file("key") };
    let broker = Broker::start_with_configuration(&site.fleet, FOR_BROKER, 1);
    Some(Both { broker, site, service })
}

impl Both {
    /// Runs an operator's command on one of them.
    #[track_caller]
    pub(crate) fn operate(&self, host: Host, command: &str, args: &[&str]) -> Finished {
        match host {
            Host::Mosquitto => operate(&self.site.fleet, command, args),
            Host::Broker => operate_with_configuration(&self.site.fleet, FOR_BROKER, command, args),
        }
    }

    /// A connection of the holder of `credential`, who is let in.
    #[track_caller]
    pub(crate) fn connect(&self, host: Host, credential: &Credential, connect: &Connect) -> Client {
        match host {
            Host::Mosquitto => self.site.connect(credential, connect),
            Host::Broker => Client::connect(self.broker.address(), &self.tls(credential), connect),
        }
    }

    /// Comes, and is not let in.
    #[track_caller]
    pub(crate) fn refused(&self, host: Host, credential: &Credential, connect: &Connect) {
        match host {
            Host::Mosquitto => _ = self.site.refused(credential, connect),
            Host::Broker => _ = Client::attempt(self.broker.address(), &self.tls(credential), connect),
        }
    }

    fn tls(&self, credential: &Credential) -> Tls {
        self.site.tls(credential)
    }
}
