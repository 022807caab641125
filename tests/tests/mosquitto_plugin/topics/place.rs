//! [`Place`]: the broker, and mosquitto with the plugin, by the same rules.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use integration_tests::broker::{Broker, operate};
use integration_tests::client::Tls;
use integration_tests::credential::Credential;
use integration_tests::mqtt::Version;

use crate::site::Site;

const POLICIES: &str = r##"
[identity]
device-id = "{CN}"

[[policy]]
name = "devices"
match = { trust = "device-ca" }
action = "allow"
client-id = "must-equal"
publish = ["devices/{device-id}/#", "board/{device-id}"]
subscribe = ["devices/{device-id}/#", BOARD]
denied-publish = "drop"

[[policy]]
name = "services"
match = { trust = "service-ca" }
action = "allow"
client-id = "must-start-with"
publish = ["#"]
subscribe = ["#"]
denied-publish = "drop"
"##;

/// What devices may subscribe to beside their own topics, until the policy changes.
const BOARD: &str = r##""board/#", "$share/group/board/#""##;

/// Where clients come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Host {
    Broker,
    Mosquitto,
}

impl Host {
    pub(crate) const ALL: [Self; 2] = [Self::Broker, Self::Mosquitto];
}

/// The broker, and mosquitto with the plugin, by the same rules and for the same fleet.
pub(crate) struct Place {
    broker: Broker,
    pub(crate) site: Site,
    devices: BTreeMap<String, Credential>,
    service: Credential,
    reloads: Cell<usize>,
}

/// The device that comes in a scenario, to a host, by a version. Nobody else has its session.
pub(crate) fn device_id(scenario: &str, host: Host, version: Version) -> String {
    format!("{scenario}-{host:?}-{version:?}").to_lowercase()
}

impl Place {
    /// With a device for each of these scenarios. `None`: mosquitto is not installed.
    pub(crate) fn open(scenarios: &[&str]) -> Option<Self> {
        let site = Site::with_library(|fleet| {
            for host in Host::ALL {
                fs::write(fleet.file(file(host)), configuration(host, true)).expect("a configuration");
            }
            format!("plugin_opt_config {}\n", fleet.file(file(Host::Mosquitto)).display())
        })?;
        let broker = Broker::start_with_configuration(&site.fleet, file(Host::Broker), 1);
        let of_scenario = |scenario: &&str| {
            Host::ALL.map(|host| Version::ALL.map(|version| device_id(scenario, host, version))).concat()
        };
        let ids: Vec<_> = scenarios.iter().flat_map(of_scenario).collect();
        let credentials = site.fleet.devices(&ids.iter().map(String::as_str).collect::<Vec<_>>());
        let devices = ids.into_iter().zip(credentials).collect();
        let service = site.fleet.service("backend");
        Some(Self { broker, site, devices, service, reloads: Cell::new(0) })
    }

    pub(crate) fn address(&self, host: Host) -> SocketAddr {
        match host {
            Host::Broker => self.broker.address(),
            Host::Mosquitto => self.site.mosquitto.address(),
        }
    }

    #[track_caller]
    pub(crate) fn credential(&self, device: &str) -> &Credential {
        self.devices.get(device).expect("it was issued")
    }

    pub(crate) fn service_tls(&self) -> Tls {
        self.site.tls(&self.service)
    }

    /// Puts a policy in force that lets devices see the board, or one that does not.
    pub(crate) fn show_board(&self, host: Host, is_shown: bool) {
        self.site.fleet.replace(file(host), configuration(host, is_shown).as_bytes());
        match host {
            Host::Broker => {
                operate(&self.site.fleet, "reload", &[]).stdout_of_success();
            }
            Host::Mosquitto => {
                self.reloads.set(self.reloads.get() + 1);
                self.site.mosquitto.reload();
                self.site.wait_for("the rules were read again", self.reloads.get());
            }
        }
        self.site.settle();
    }
}

fn file(host: Host) -> &'static str {
    match host {
        Host::Broker => "broker.toml",
        Host::Mosquitto => "mosquitto.toml",
    }
}

/// The same for both, but for where is kept what must not be forgotten.
fn configuration(host: Host, is_board_shown: bool) -> String {
    let trust = |name: &str| {
        format!(
            "[[listener.trust]]\nname = \"{name}\"\nanchors = [\"{name}/issuing.pem\"]\ncrl = [\"crl/{name}.crl\"]\n"
        )
    };
    let policies = POLICIES.replace("BOARD", if is_board_shown { BOARD } else { "" });
    format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\ntransport = \"tls\"\nmode = \"enforce\"\n\
         server-cert = \"broker/cert.pem\"\nserver-key = \"broker/key.pem\"\n{}{}[state]\ndir = \"state-{host:?}\"\n{policies}",
        trust("device-ca"),
        trust("service-ca")
    )
}
