//! The agent of Linux-class gateways, from its image to its end.

#![forbid(unsafe_code)]

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use integration_tests::broker::{Broker, Log, Mark, lines_of};
use integration_tests::client::{Client, PATIENCE, Tls};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::program::Programs;
use serde_json::Value;

const PROGRAMS: Programs = Programs::at(env!("CARGO_BIN_EXE_role"));

/// A running agent. It ends with the value.
struct Agent {
    child: Child,
    stdin: ChildStdin,
    commands: Receiver<String>,
    log: Log,
}

impl Agent {
    fn start(fleet: &Fleet, id: &str) -> Self {
        let mut command: Command = PROGRAMS.agent();
        command.arg("run").arg("--image").arg(fleet.file(&format!("images/{id}.bin")));
        command.args(["--log", "json", "--keep-running"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        Self {
            stdin: child.stdin.take().expect("stdin is piped"),
            commands: lines_of(child.stdout.take().expect("stdout is piped")),
            log: Log::collect(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }

    /// Waits until it has been in a state.
    #[track_caller]
    fn has_been(&self, state: &str) {
        self.log.line(Mark::START, |line| line["state"] == state);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill, and waiting returns at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free just now: images name their broker's port before there is a broker.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

#[test]
fn a_gateway_sends_telemetry_obeys_commands_and_stays_away_once_revoked() {
    let port = free_port();
    let fleet = Fleet::for_broker_port(PROGRAMS, port);
    fleet.device("dev-1");
    let service = fleet.service("backend");
    let broker = Broker::start_on_port(&fleet, port);
    let mut backend = Client::connect(
        broker.address(),
        &Tls::new(&fleet, Some(&service)),
        &Connect::new(Version::V5, "backend"),
    );
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
    assert_eq!(backend.subscribe("devices/+/status", 1), 1);

    let mut agent = Agent::start(&fleet, "dev-1");
    agent.has_been("online");
    assert_eq!(backend.receive().payload, "online");
    agent.stdin.write_all(b"temperature\t21.5\n").expect("it reads");
    let telemetry = backend.receive();
    assert_eq!(
        (telemetry.topic.as_str(), telemetry.payload.as_str()),
        ("devices/dev-1/telemetry/temperature", "21.5")
    );

    assert_eq!(backend.publish("devices/dev-1/commands/blink-7", "twice"), 0);
    let command = agent.commands.recv_timeout(PATIENCE).expect("a command in time");
    let command: Value = serde_json::from_str(&command).expect("a JSON object per line");
    assert_eq!(command["payload"], "twice", "{command}");
    let id = command["command_id"].as_str().expect("a command has an id");
    agent.stdin.write_all(format!("commands/{id}\tdone\n").as_bytes()).expect("it reads");
    let result = backend.receive();
    assert_eq!(
        (result.topic, result.payload.as_str()),
        (format!("devices/dev-1/telemetry/commands/{id}"), "done")
    );

    let mark = broker.log().mark();
    fleet.revoke("dev-1");
    agent.has_been("refused");
    assert_eq!(backend.receive().payload, "offline", "its last will");
    let closed = broker.log().line(mark, |line| line["event"] == "session_closed");
    assert_eq!(closed["reason"], "revoked");
    // A refused device does not hammer: nothing more is heard of it.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let later = broker.log().since(mark);
    assert!(!later.iter().any(|line| line["event"] == "handshake"), "{later:#?}");
}

#[test]
fn a_gateway_survives_a_restart_of_its_broker() {
    let port = free_port();
    let fleet = Fleet::for_broker_port(PROGRAMS, port);
    fleet.device("dev-1");
    let service = fleet.service("backend");
    let broker = Broker::start_on_port(&fleet, port);
    let mut agent = Agent::start(&fleet, "dev-1");
    agent.has_been("online");
    broker.terminate();
    assert_eq!(broker.wait(), 0);

    let broker = Broker::start_on_port(&fleet, port);
    let mark = Mark::START;
    let mut backend = Client::connect(
        broker.address(),
        &Tls::new(&fleet, Some(&service)),
        &Connect::new(Version::V5, "backend"),
    );
    assert_eq!(backend.subscribe("devices/+/telemetry/#", 1), 1);
    agent.stdin.write_all(b"temperature\t22\n").expect("it reads");
    broker.log().line(mark, |line| line["event"] == "connect" && line["identity"] == "dev-1");
    assert_eq!(backend.receive().payload, "22");
}
