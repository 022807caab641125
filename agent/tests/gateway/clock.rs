//! A clock that makes no sense, and what is said of it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::agent::Agent;
use crate::pki::{Fleet, ImageSpec};
use crate::scripted_broker::{ACCEPTED, ScriptedBroker, connect, serve};

struct Scene {
    dir: TempDir,
    broker: ScriptedBroker,
}

/// A broker whose certificate is good from 2024 to 2099.
fn scene(change: impl FnOnce(&mut ImageSpec)) -> Scene {
    let fleet = Fleet::new();
    let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        serve(stream, |_| Some(0))
    });
    let dir = TempDir::new().unwrap();
    let mut spec = ImageSpec::new(&fleet, "pump-1", broker.port);
    change(&mut spec);
    spec.write(&dir.path().join("pump-1.bin"));
    Scene { dir, broker }
}

/// The agent at another time. Debian's package `faketime` has the library.
fn agent_at(image: &Path, time: &str, args: &[&str], stdin: Stdio) -> Agent {
    let program = Agent::program(image, &["--log", "json"]);
    let mut command = Command::new("faketime");
    command.args(["-m", "-f", time]).arg(program.get_program()).args(program.get_args()).args(args);
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1").stdin(stdin);
    Agent::spawn(command)
}

#[test]
fn a_clock_that_makes_no_sense_is_named_with_what_it_says_and_nobody_is_dialled() {
    let cases = [
        ("a boot without a battery", "@1970-01-01 00:00:20", 1_700_000_000, "this program was made"),
        ("before this program", "@2025-12-31 23:00:00", 1_700_000_000, "this program was made"),
        ("before the image", "@2026-06-01 00:00:00", 1_790_000_000, "the image was made"),
    ];
    for (case, time, floor, words) in cases {
        let scene = scene(|spec| spec.time_floor = floor);
        let image = scene.dir.path().join("pump-1.bin");
        let mut agent = agent_at(&image, time, &["--drain-timeout", "2"], Stdio::piped());
        agent.say("flow\t1\n");
        agent.close_stdin();
        let entry = agent.state("offline");
        let detail = entry["detail"].as_str().unwrap();
        assert_eq!(entry["cause"], "clock", "{case}: {entry}");
        assert!(detail.contains(words) && detail.contains("set the clock"), "{case}: {detail}");
        assert!(detail.contains(&time[1..11]), "{case}: {detail}");
        let (status, log) = agent.end();
        assert_eq!(status.code(), Some(1), "{case}: {log}");
        assert!(log.contains("help: set the clock"), "{case}: {log}");
        assert_eq!(scene.broker.connections(), 0, "{case}");
    }
}

#[test]
fn a_clock_that_is_only_wrong_is_named_beside_the_certificate_it_judges_by() {
    for (time, words) in
        [("@2101-01-01 00:00:00", "ended at 2099-01-01"), ("@2150-06-01 00:00:00", "says 2150-06-01")]
    {
        let scene = scene(|_| ());
        let image = scene.dir.path().join("pump-1.bin");
        let mut agent = agent_at(&image, time, &[], Stdio::null());
        let entry = agent.state("offline");
        let detail = entry["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.contains("set the clock"), "{detail}");
    }
}

#[test]
fn once_the_clock_is_right_the_session_begins_by_itself() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // The image was made a moment from now.
    let scene = scene(|spec| spec.time_floor = now + 3);
    let start = Instant::now();
    let mut agent = Agent::start_with_stdin(&scene.dir.path().join("pump-1.bin"), &[], Stdio::null());
    assert_eq!(agent.state("offline")["cause"], "clock");
    agent.state("online");
    assert!(start.elapsed() > Duration::from_secs(1));
}
