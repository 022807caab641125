//! SIGTERM: what has been read is delivered, for as long as `--drain-timeout` says, whether there is a session or not.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::agent::Agent;
use crate::mosquitto::{Mosquitto, free_port};
use crate::pki::{Fleet, ImageSpec};
use crate::scripted_broker::{ACCEPTED, NOT_AUTHORIZED, SERVER_BUSY, ScriptedBroker, close, connect, serve};

/// A broker that is busy until it is told to be there.
struct Busy {
    dir: TempDir,
    broker: ScriptedBroker,
    there: Arc<AtomicBool>,
    topics: Arc<Mutex<Vec<String>>>,
}

impl Busy {
    fn start(otherwise: &'static [u8]) -> Self {
        let fleet = Fleet::new();
        let there = Arc::new(AtomicBool::new(false));
        let topics = Arc::new(Mutex::new(Vec::new()));
        let (is_there, seen) = (Arc::clone(&there), Arc::clone(&topics));
        let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), move |mut stream| {
            if !is_there.load(Ordering::SeqCst) {
                connect(&mut stream, otherwise)?;
                return close(stream);
            }
            connect(&mut stream, ACCEPTED)?;
            serve(stream, |topic| {
                seen.lock().unwrap().push(topic.to_owned());
                Some(0)
            })
        });
        let dir = TempDir::new().unwrap();
        ImageSpec::new(&fleet, "pump-1", broker.port).write(&dir.path().join("pump-1.bin"));
        Self { dir, broker, there, topics }
    }

    fn agent(&self, args: &[&str]) -> Agent {
        Agent::start(&self.dir.path().join("pump-1.bin"), args)
    }
}

/// Ends `agent`, which must have taken between `least` and `most`, and this exit code.
fn ends(agent: Agent, code: i32, least: Duration, most: Duration) -> String {
    let start = Instant::now();
    let (status, log) = agent.end_with_open_stdin();
    assert_eq!(status.code(), Some(code), "{log}");
    let took = start.elapsed();
    assert!(took >= least && took < most, "{took:?}: {log}");
    log
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn lines_read_while_the_broker_was_busy_are_delivered_after_the_signal() {
    let busy = Busy::start(SERVER_BUSY);
    let mut agent = busy.agent(&["--drain-timeout", "30"]);
    agent.state("offline");
    agent.say("1\t-\n2\t-\n3\t-\n");
    std::thread::sleep(Duration::from_millis(300));
    agent.signal("-TERM");
    std::thread::sleep(Duration::from_secs(1));
    assert!(agent.is_running(), "it may not leave with lines to deliver");
    busy.there.store(true, Ordering::SeqCst);
    ends(agent, 0, Duration::ZERO, Duration::from_secs(20));
    let lines = ["status", "telemetry/1", "telemetry/2", "telemetry/3", "status"];
    assert_eq!(*busy.topics.lock().unwrap(), lines.map(|channel| format!("devices/pump-1/{channel}")));
}

#[test]
fn a_broker_that_comes_back_after_the_signal_gets_the_lines() {
    let fleet = Fleet::new();
    let mut mosquitto = Mosquitto::start(&fleet, &fleet.broker());
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", mosquitto.port).write(&image);
    let mut agent = Agent::start(&image, &[]);
    agent.state("online");
    mosquitto.stop();
    agent.state("offline");
    agent.say("flow\t1\n");
    std::thread::sleep(Duration::from_millis(300));
    agent.signal("-INT");
    std::thread::sleep(Duration::from_secs(1));
    mosquitto.resume();
    ends(agent, 0, Duration::ZERO, Duration::from_secs(25));
}

#[test]
fn a_broker_that_stays_away_is_waited_for_no_longer_than_the_drain_timeout() {
    let busy = Busy::start(SERVER_BUSY);
    let mut agent = busy.agent(&["--drain-timeout", "3"]);
    agent.state("offline");
    agent.say("flow\t1\n");
    std::thread::sleep(Duration::from_millis(300));
    let before = busy.broker.connections();
    agent.signal("-TERM");
    let log = ends(agent, 1, Duration::from_secs(2), SOON);
    assert!(log.contains("1 telemetry lines were not acknowledged") && log.contains("ServerBusy"), "{log}");
    assert!(busy.broker.connections() > before, "it did not try again");
}

#[test]
fn an_attempt_that_hangs_does_not_hold_it_up() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&Fleet::new(), "pump-1", silent.local_addr().unwrap().port()).write(&image);
    let mut agent = Agent::start(&image, &["--drain-timeout", "1"]);
    agent.say("flow\t1\n");
    let _connection = silent.accept().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    agent.signal("-TERM");
    ends(agent, 1, Duration::from_millis(500), SOON);
}

#[test]
fn with_nothing_to_deliver_it_leaves_at_once() {
    let fleet = Fleet::new();
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", free_port()).write(&image);
    for stdin in [Stdio::null(), Stdio::piped()] {
        let mut agent = Agent::start_with_stdin(&image, &["--drain-timeout", "600"], stdin);
        assert_eq!(agent.state("offline")["cause"], "unreachable");
        agent.signal("-TERM");
        ends(agent, 0, Duration::ZERO, SOON);
    }
}

#[test]
fn a_refused_device_does_not_come_back_to_drain() {
    let busy = Busy::start(NOT_AUTHORIZED);
    let mut agent = busy.agent(&["--drain-timeout", "60"]);
    agent.state("refused");
    agent.say("flow\t1\n");
    std::thread::sleep(Duration::from_millis(300));
    agent.signal("-TERM");
    ends(agent, 1, Duration::ZERO, SOON);
    assert_eq!(busy.broker.connections(), 1);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let busy = Busy::start(SERVER_BUSY);
    let mut agent = busy.agent(&["--drain-timeout", "600"]);
    agent.state("offline");
    agent.say("flow\t1\n");
    std::thread::sleep(Duration::from_millis(300));
    agent.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert!(agent.is_running());
    agent.signal("-TERM");
    ends(agent, 1, Duration::ZERO, SOON);
}

#[test]
fn a_writer_that_never_stops_does_not_hold_it_up() {
    let busy = Busy::start(SERVER_BUSY);
    busy.there.store(true, Ordering::SeqCst);
    let image = busy.dir.path().join("pump-1.bin");
    let mut agent =
        Agent::start_by_shell(&image, &["--drain-timeout", "60"], "exec \"$@\" < <(yes 'count\t1')");
    agent.state("online");
    std::thread::sleep(Duration::from_millis(500));
    agent.signal("-TERM");
    ends(agent, 0, Duration::ZERO, Duration::from_secs(30));
}
