//! [`Running`]: the broker of a column, its origin, and a service that watches.

use std::fs;
use std::net::SocketAddr;

use integration_tests::broker::{Broker, Mark, operate_with_configuration};
use integration_tests::client::{Client, Tls};
use integration_tests::http_origin::HttpOrigin;
use integration_tests::mqtt::{Connect, Version};
use serde_json::Value;

use crate::area::Area;
use crate::column::Column;
use crate::fleet::MatrixFleet;

/// The broker of a column, its origin, and a service that watches.
pub(crate) struct Running<'a> {
    pub(crate) matrix_fleet: &'a MatrixFleet,
    pub(crate) column: Column,
    pub(crate) broker: Broker,
    pub(crate) origin: HttpOrigin,
    pub(crate) observer: Client,
    configuration: String,
    payloads: u32,
}

/// What the observer says when it comes.
pub(crate) fn observe(address: SocketAddr, matrix_fleet: &MatrixFleet) -> Client {
    let tls = Tls::new(&matrix_fleet.fleet, Some(&matrix_fleet.observer));
    let connect = Connect::new(Version::V5, "observer").keep_alive(600);
    let mut observer = Client::connect(address, &tls, &connect);
    for area in Area::ALL {
        assert!(observer.subscribe(&area.telemetry("+"), 1) < 0x80);
    }
    observer
}

impl<'a> Running<'a> {
    pub(crate) fn start(matrix_fleet: &'a MatrixFleet, column: Column) -> Self {
        let origin = HttpOrigin::start();
        let text = column.configuration(&origin.url(), &matrix_fleet.more_trusts);
        Self::configured(matrix_fleet, column, origin, (format!("{column}.toml"), text), 2)
    }

    /// The same for clients of MQTT alone, with a configuration that another host can have, too.
    pub(crate) fn start_for_mqtt(matrix_fleet: &'a MatrixFleet, column: Column) -> Self {
        let text = column.configuration_of_mqtt(&matrix_fleet.more_trusts, "state-mqtt");
        Self::configured(matrix_fleet, column, HttpOrigin::start(), (format!("{column}-mqtt.toml"), text), 1)
    }

    fn configured(
        matrix_fleet: &'a MatrixFleet,
        column: Column,
        origin: HttpOrigin,
        (configuration, text): (String, String),
        listeners: usize,
    ) -> Self {
        let fleet = &matrix_fleet.fleet;
        fs::write(fleet.file(&configuration), text).expect("a configuration");
        let broker = Broker::start_with_configuration(fleet, &configuration, listeners);
        let observer = observe(broker.address(), matrix_fleet);
        Self { matrix_fleet, column, broker, origin, observer, configuration, payloads: 0 }
    }

    /// What no other client has published, so that nothing of one is taken for another's.
    pub(crate) fn next_payload(&mut self) -> String {
        self.payloads += 1;
        format!("payload {}", self.payloads)
    }

    /// `explain --json`, in a process of its own.
    pub(crate) fn explain(&self, args: &[&str]) -> Value {
        let args = [&["--json"], args].concat();
        operate_with_configuration(&self.matrix_fleet.fleet, &self.configuration, "explain", &args).json()
    }

    /// The reason of the first refusal of such an event after `mark`.
    #[track_caller]
    pub(crate) fn reason(&self, mark: Mark, event: &str) -> String {
        let is_refused = |line: &Value| line["outcome"] == "refused" && line["event"] == event;
        reason_in(&self.broker.log().line(mark, is_refused))
    }

    /// The reason of the refusal that an HTTP client was told of by this answer.
    #[track_caller]
    pub(crate) fn reason_of(&self, mark: Mark, answer: &Value) -> String {
        reason_in(&self.broker.log().line(mark, |line| line["decision_id"] == answer["decision_id"]))
    }
}

fn reason_in(line: &Value) -> String {
    line["reason"].as_str().unwrap_or_default().to_owned()
}
