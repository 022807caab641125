//! What the two agents log when a connection ends: that of gateways (`countersign-agent run`) beside that of microcontrollers
//! (`countersign-sim fleet`), for the same end.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use integration_tests::broker::{Broker, Log, Mark, operate};
use integration_tests::client::PATIENCE;
use integration_tests::fleet::Fleet;
use integration_tests::transcript::{Transcript, matches_snapshot};
use serde_json::Value;

use crate::PROGRAMS;

/// Which agent.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Gateway,
    Device,
}

/// A running agent of `dev-1`. It ends with the value.
struct Agent {
    child: Child,
    /// Open, so that the gateway goes on.
    _stdin: ChildStdin,
    log: Log,
}

impl Agent {
    fn start(kind: Kind, fleet: &Fleet, port: u16) -> Self {
        let image = fleet.file("images/dev-1.bin");
        let mut command = match kind {
            Kind::Gateway => PROGRAMS.agent(),
            Kind::Device => PROGRAMS.sim(),
        };
        match kind {
            Kind::Gateway => command.args(["run", "--log", "json", "--keep-running", "--image"]).arg(image),
            Kind::Device => command
                .args(["fleet", "--json", "--device-log", "--rate", "0"])
                .args(["--broker", &format!("127.0.0.1:{port}"), "--images"])
                .arg(image),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let stdin = child.stdin.take().expect("stdin is piped");
        let log = match kind {
            Kind::Gateway => Log::collect(child.stderr.take().expect("stderr is piped")),
            Kind::Device => Log::collect(child.stdout.take().expect("stdout is piped")),
        };
        Self { child, _stdin: stdin, log }
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

/// Where an agent lives.
struct Place {
    fleet: Fleet,
    port: u16,
}

impl Place {
    /// A fleet with `dev-1`, altered, and no broker.
    fn new(alter: impl FnOnce(&Fleet)) -> Self {
        let port = free_port();
        let fleet = Fleet::for_broker_port(PROGRAMS, port);
        fleet.device("dev-1");
        alter(&fleet);
        Self { fleet, port }
    }

    /// Starts the broker, and the agent, and does something as soon as it is in session; what it logs up to the first end.
    fn with_broker(&self, kind: Kind, happen: impl FnOnce(&Broker)) -> Vec<Value> {
        let broker = Broker::start_on_port(&self.fleet, self.port);
        let agent = Agent::start(kind, &self.fleet, self.port);
        agent.log.line(Mark::START, |line| line["state"] == "online");
        self.has_settled();
        happen(&broker);
        up_to_the_end(&agent.log)
    }

    /// Waits until the agent has subscribed and its status is retained: from then on it says nothing by itself. A connection
    /// that is closed with unread bytes is reset, and a reset may overtake the broker's last word.
    #[track_caller]
    fn has_settled(&self) {
        let since = Instant::now();
        let is_settled = || {
            let sessions = operate(&self.fleet, "sessions", &["--json"]).json();
            let status = operate(&self.fleet, "status", &["--json"]).json();
            sessions[0]["subscriptions"].as_u64() > Some(0) && status["retained_messages"].as_u64() > Some(0)
        };
        while !is_settled() {
            assert!(since.elapsed() < PATIENCE, "it does not subscribe and say that it is there");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The same for an agent that gets no session.
    fn with_broker_that_refuses(&self, kind: Kind) -> Vec<Value> {
        let _broker = Broker::start_on_port(&self.fleet, self.port);
        self.alone(kind)
    }

    /// The same for whatever is at the port.
    fn alone(&self, kind: Kind) -> Vec<Value> {
        up_to_the_end(&Agent::start(kind, &self.fleet, self.port).log)
    }
}

/// The lines up to the first that has a cause.
fn up_to_the_end(log: &Log) -> Vec<Value> {
    let has_cause = |line: &Value| line["event"] == "state" && line["cause"].is_string();
    log.line(Mark::START, has_cause);
    let lines = log.since(Mark::START);
    let end = lines.iter().position(has_cause).expect("it was waited for");
    lines[..=end].to_vec()
}

/// An end, and how it comes about for an agent in a place that was prepared for it.
struct Situation {
    title: &'static str,
    prepare: fn(&Fleet),
    record: fn(&Place, Kind) -> Vec<Value>,
}

const SITUATIONS: [Situation; 9] = [
    Situation {
        title: "an operator closes the session",
        prepare: |_| {},
        record: |place, kind| {
            place.with_broker(kind, |_| assert_eq!(operate(&place.fleet, "kick", &["dev-1"]).code, 0))
        },
    },
    Situation {
        title: "the certificate is revoked",
        prepare: |_| {},
        record: |place, kind| place.with_broker(kind, |_| place.fleet.revoke("dev-1")),
    },
    Situation {
        title: "the broker stops",
        prepare: |_| {},
        record: |place, kind| place.with_broker(kind, Broker::terminate),
    },
    Situation {
        title: "the certificate was revoked before",
        prepare: |fleet| fleet.revoke("dev-1"),
        record: Place::with_broker_that_refuses,
    },
    Situation {
        title: "a policy denies the device",
        prepare: |fleet| {
            let deny =
                "[[policy]]\nname = \"retired\"\nmatch = { identity = \"dev-1\" }\naction = \"deny\"\n\n";
            let first = "[[policy]]\nname = \"devices\"";
            fleet.configure(first, &format!("{deny}{first}"));
        },
        record: Place::with_broker_that_refuses,
    },
    Situation {
        title: "a policy denies its will",
        prepare: |fleet| {
            fleet.configure("\"devices/{device-id}/status\"", "\"devices/{device-id}/other\"");
        },
        record: Place::with_broker_that_refuses,
    },
    Situation { title: "nobody is at the port", prepare: |_| {}, record: Place::alone },
    Situation {
        title: "the broker of another fleet is at the port",
        prepare: |_| {},
        record: |place, kind| {
            let other = Fleet::new(PROGRAMS);
            let _broker = Broker::start_on_port(&other, place.port);
            place.alone(kind)
        },
    },
    Situation { title: "somebody is at the port who speaks no TLS", prepare: |_| {}, record: without_tls },
];

fn without_tls(place: &Place, kind: Kind) -> Vec<Value> {
    let listener = TcpListener::bind(("127.0.0.1", place.port)).expect("the port is free");
    let answer = thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("an agent comes");
        // What the agent thinks of it is in its log.
        let _ = socket.read(&mut [0; 2048]);
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = socket.read_to_end(&mut Vec::new());
    });
    let lines = place.alone(kind);
    answer.join().expect("it has answered");
    lines
}

#[test]
fn both_agents_log_the_same_ends() {
    let mut recorded = String::new();
    for Situation { title, prepare, record } in SITUATIONS {
        let lines = thread::scope(|scope| {
            let recording = [Kind::Gateway, Kind::Device].map(|kind| {
                scope.spawn(move || {
                    let place = Place::new(prepare);
                    rendered(kind, &place, &record(&place, kind))
                })
            });
            recording.map(|lines| lines.join().expect("it is recorded")).concat()
        });
        recorded.push_str(&format!("## {title}\n{lines}\n"));
    }
    matches_snapshot("agent-logs", &recorded);
}

/// The lines, without the port, and without how long exactly it took and waits.
fn rendered(kind: Kind, place: &Place, lines: &[Value]) -> String {
    let mut transcript = Transcript::of(&place.fleet);
    for line in lines {
        let mut line = line.clone();
        if let Some(wait) = line["retry_in_ms"].as_u64() {
            // Ten minutes or more after a refusal; otherwise some seconds.
            line["retry_in_ms"] = if wait >= 600_000 { "<minutes>" } else { "<seconds>" }.into();
        }
        let detail = line["detail"].as_str().expect("every line has a detail").to_owned();
        let detail = match detail.split_once("next try in ") {
            Some((before, _)) => format!("{before}next try in <wait>"),
            None if line["event"] == "outcome" && line["outcome"] == "online" => "after <time> ms".to_owned(),
            None => detail,
        };
        line["detail"] = detail.into();
        let fields: BTreeMap<_, _> = line.as_object().expect("JSON").iter().collect();
        let text = serde_json::to_string(&fields).expect("it was JSON before");
        transcript.line(&format!("{kind:?}: {}", text.replace(&place.port.to_string(), "PORT")));
    }
    transcript.into_text()
}
