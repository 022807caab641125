//! Telemetry lines on stdin, commands on stdout, and an orderly end.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::agent::{Agent, EVENT_TIMEOUT};
use crate::mosquitto::Mosquitto;
use crate::pki::{Fleet, ImageSpec};
use crate::scripted_broker::{ACCEPTED, ScriptedBroker, close, connect, read_packet, send, serve};

struct Scene {
    dir: TempDir,
    mosquitto: Mosquitto,
}

impl Scene {
    fn new() -> Self {
        let fleet = Fleet::new();
        let mosquitto = Mosquitto::start(&fleet, &fleet.broker());
        let dir = TempDir::new().unwrap();
        ImageSpec::new(&fleet, "pump-1", mosquitto.port).write(&dir.path().join("pump-1.bin"));
        Self { dir, mosquitto }
    }

    fn agent(&self, args: &[&str]) -> Agent {
        Agent::start(&self.dir.path().join("pump-1.bin"), args)
    }
}

#[test]
fn lines_become_messages_and_the_end_of_the_input_ends_the_session_in_order() {
    let scene = Scene::new();
    let service = scene.mosquitto.subscribe("devices/+/#");
    let mut agent = scene.agent(&[]);
    agent.state("online");
    service.receives("devices/pump-1/status online");
    agent.say("flow/litres\t12.5\n\tno sub-topic\nno tab\nflow/#\t1\nlast\tdone");
    agent.close_stdin();
    service.receives("devices/pump-1/telemetry/flow/litres 12.5");
    service.receives("devices/pump-1/telemetry no sub-topic");
    service.receives("devices/pump-1/telemetry/last done");
    service.receives("devices/pump-1/status offline");
    let (status, log) = agent.end();
    // Two of them never did.
    assert_eq!(status.code(), Some(1), "{log}");
    for (line, words) in [(3, "no TAB"), (4, "cannot have")] {
        let told =
            log.lines().any(|entry| entry.contains(&format!("\"line\":{line},")) && entry.contains(words));
        assert!(told, "line {line}: {log}");
    }
}

#[test]
fn a_command_goes_to_stdout_and_its_result_comes_back_by_stdin() {
    let scene = Scene::new();
    let service = scene.mosquitto.subscribe("devices/+/telemetry/commands/#");
    let mut agent = scene.agent(&[]);
    agent.state("online");
    scene.mosquitto.publish("devices/pump-1/commands/42", r#"{"valve":"open"}"#);
    let command = agent.command();
    assert_eq!(command["command_id"], "42");
    assert_eq!(command["topic"], "devices/pump-1/commands/42");
    assert_eq!(command["payload"], r#"{"valve":"open"}"#);
    agent.say("commands/42\topened\n");
    service.receives("devices/pump-1/telemetry/commands/42 opened");
    // Another device's commands are not for us.
    scene.mosquitto.publish("devices/pump-10/commands/43", "x");
    assert!(agent.is_silent_on_stdout(Duration::from_millis(300)));
}

#[test]
fn a_killed_agent_is_reported_offline_by_its_will() {
    let scene = Scene::new();
    let service = scene.mosquitto.subscribe("devices/+/status");
    let mut agent = scene.agent(&[]);
    agent.state("online");
    service.receives("devices/pump-1/status online");
    agent.signal("-KILL");
    service.receives("devices/pump-1/status offline");
}

#[test]
fn a_command_sent_while_the_device_is_away_is_waiting_when_it_returns() {
    let scene = Scene::new();
    let mut first = scene.agent(&[]);
    first.state("online");
    // The subscription is in place once a first command has come through.
    scene.mosquitto.publish("devices/pump-1/commands/1", "here");
    assert_eq!(first.command()["command_id"], "1");
    first.signal("-TERM");
    let (status, log) = first.end();
    assert_eq!(status.code(), Some(0), "{log}");
    scene.mosquitto.publish("devices/pump-1/commands/2", "later");
    let mut second = scene.agent(&[]);
    assert_eq!(second.command()["command_id"], "2");
}

#[test]
fn lines_written_while_the_broker_is_away_arrive_when_it_is_back() {
    let mut scene = Scene::new();
    let mut agent = scene.agent(&[]);
    agent.state("online");
    scene.mosquitto.stop();
    agent.state("offline");
    let lines: String = (0..100).map(|n| format!("count\t{n}\n")).collect();
    agent.say(lines);
    scene.mosquitto.resume();
    let service = scene.mosquitto.subscribe("devices/+/telemetry/#");
    agent.state("online");
    // Some of the first may be older than the subscription; the last is not lost.
    agent.say("count\tlast\n");
    service.receives("devices/pump-1/telemetry/count last");
    agent.close_stdin();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn without_an_input_the_agent_stays_until_it_is_told_to_stop() {
    let scene = Scene::new();
    for signal in ["-TERM", "-INT"] {
        let image = scene.dir.path().join("pump-1.bin");
        let mut agent = Agent::start_with_stdin(&image, &[], Stdio::null());
        agent.state("online");
        std::thread::sleep(Duration::from_millis(300));
        assert!(agent.is_running());
        agent.signal(signal);
        let (status, log) = agent.end();
        assert_eq!(status.code(), Some(0), "{log}");
    }
}

#[test]
fn with_keep_running_the_end_of_the_input_is_not_the_end() {
    let scene = Scene::new();
    let service = scene.mosquitto.subscribe("devices/+/telemetry/#");
    let mut agent = scene.agent(&["--keep-running"]);
    agent.say("flow\t1\n");
    agent.close_stdin();
    service.receives("devices/pump-1/telemetry/flow 1");
    std::thread::sleep(Duration::from_millis(300));
    assert!(agent.is_running());
    scene.mosquitto.publish("devices/pump-1/commands/1", "still there?");
    assert_eq!(agent.command()["command_id"], "1");
}

/// An agent and a scripted broker that acknowledges as `ack` says.
fn scripted(args: &[&str], ack: impl Fn(&str) -> Option<u8> + Send + Sync + 'static) -> (TempDir, Agent) {
    let fleet = Fleet::new();
    let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), move |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        serve(stream, &ack)
    });
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", broker.port).write(&image);
    let agent = Agent::start(&image, args);
    (dir, agent)
}

#[test]
fn the_agent_does_not_leave_before_the_last_acknowledgement() {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&acknowledged);
    let (_dir, mut agent) = scripted(&[], move |topic| {
        if topic.contains("/telemetry/") {
            std::thread::sleep(Duration::from_millis(20));
            counter.fetch_add(1, Ordering::SeqCst);
        }
        Some(0)
    });
    let lines: String = (0..200).map(|n| format!("count\t{n}\n")).collect();
    agent.say(lines);
    agent.close_stdin();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert_eq!(acknowledged.load(Ordering::SeqCst), 200);
}

#[test]
fn lines_reach_the_broker_in_their_order_and_once() {
    let topics = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&topics);
    let (_dir, mut agent) = scripted(&[], move |topic| {
        seen.lock().unwrap().push(topic.to_owned());
        Some(0)
    });
    let lines: String = (0..500).map(|n| format!("{n}\t-\n")).collect();
    agent.say(lines);
    agent.close_stdin();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(0), "{log}");
    let mut expected: Vec<String> = (0..500).map(|n| format!("devices/pump-1/telemetry/{n}")).collect();
    expected.insert(0, "devices/pump-1/status".into());
    expected.push("devices/pump-1/status".into());
    assert_eq!(*topics.lock().unwrap(), expected);
}

#[test]
fn what_a_broken_connection_had_not_acknowledged_comes_first_on_the_next_one() {
    let fleet = Fleet::new();
    let connections = AtomicUsize::new(0);
    let second = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&second);
    let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), move |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        if connections.fetch_add(1, Ordering::SeqCst) > 0 {
            return serve(stream, |topic| {
                seen.lock().unwrap().push(topic.to_owned());
                Some(0)
            });
        }
        // Of five lines the second alone is acknowledged, out of order; then the connection is closed.
        let mut telemetry = 0;
        while telemetry < 5 {
            let (first, body) = read_packet(&mut stream)?;
            let topic_length = usize::from(u16::from_be_bytes([body[0], body[1]]));
            if first >> 4 == 3 && body[2..2 + topic_length].starts_with(b"devices/pump-1/telemetry/") {
                telemetry += 1;
                if telemetry == 2 {
                    let packet_id = [body[2 + topic_length], body[3 + topic_length]];
                    send(&mut stream, &[0x40, 2, packet_id[0], packet_id[1]])?;
                }
            }
        }
        close(stream)
    });
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", broker.port).write(&image);
    let mut agent = Agent::start(&image, &["--keep-running"]);
    agent.say("1\t-\n2\t-\n3\t-\n4\t-\n5\t-\n");
    agent.state("offline");
    agent.say("6\t-\n");
    agent.state("online");
    let expected: Vec<String> =
        ["status", "telemetry/1", "telemetry/3", "telemetry/4", "telemetry/5", "telemetry/6"]
            .map(|channel| format!("devices/pump-1/{channel}"))
            .to_vec();
    let deadline = Instant::now() + EVENT_TIMEOUT;
    while second.lock().unwrap().len() < expected.len() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(*second.lock().unwrap(), expected);
}

#[test]
fn without_acknowledgements_the_agent_gives_up_at_its_deadline_and_says_so() {
    let (_dir, mut agent) =
        scripted(&["--drain-timeout", "1"], |topic| (!topic.contains("/never")).then_some(0));
    agent.say("flow\t1\nnever\t2\n");
    agent.close_stdin();
    let start = Instant::now();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("1 telemetry lines were not acknowledged"), "{log}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_line_the_broker_denies_is_named_and_the_exit_code_says_denied() {
    let (_dir, mut agent) = scripted(&[], |topic| Some(if topic.ends_with("/secret") { 0x87 } else { 0 }));
    agent.say("flow\t1\nsecret\t2\nflow\t3\n");
    agent.close_stdin();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(6), "{log}");
    let denied = log.lines().find(|line| line.contains("publish_denied")).unwrap();
    assert!(denied.contains("\"line\":2,") && denied.contains("NotAuthorized"), "{denied}");
    assert!(log.contains("help: "), "{log}");
}

#[test]
fn a_message_without_acknowledgement_holds_back_those_a_window_behind_it() {
    let telemetry = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&telemetry);
    let (_dir, mut agent) = scripted(&["--drain-timeout", "2"], move |topic| {
        let first = topic.contains("/telemetry/") && counter.fetch_add(1, Ordering::SeqCst) == 0;
        (!first).then_some(0)
    });
    let lines: String = (0..100).map(|n| format!("{n}\t-\n")).collect();
    agent.say(lines);
    agent.close_stdin();
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(1), "{log}");
    // Packet identifiers are used again long after; the one still waited for must not be among them.
    assert_eq!(telemetry.load(Ordering::SeqCst), 32);
}
