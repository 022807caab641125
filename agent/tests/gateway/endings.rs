//! When the agent ends, and with which exit code.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::agent::Agent;
use crate::pki::{Fleet, ImageSpec};
use crate::scripted_broker::{ACCEPTED, ScriptedBroker, connect, serve};

/// A CONNACK that accepts packets of 100 bytes at most (property 0x27).
const ACCEPTED_SMALL_PACKETS: &[u8] = &[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 100];

/// A broker that denies `secret`, does not acknowledge `never`, and takes the rest; and a device's image for it.
fn scene(connack: &'static [u8]) -> (TempDir, ScriptedBroker) {
    let fleet = Fleet::new();
    let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), move |mut stream| {
        connect(&mut stream, connack)?;
        serve(stream, |topic| match topic.rsplit('/').next() {
            Some("secret") => Some(0x87),
            Some("never") => None,
            _ => Some(0),
        })
    });
    let dir = TempDir::new().unwrap();
    ImageSpec::new(&fleet, "pump-1", broker.port).write(&dir.path().join("pump-1.bin"));
    (dir, broker)
}

#[test]
fn the_exit_code_tells_what_became_of_the_lines() {
    let too_long = format!("flow\t{}\n", "x".repeat(60 * 1024));
    let too_long_for_the_broker = format!("flow\t{}\n", "x".repeat(100));
    let cases: [(&str, &str, i32, &[u8]); 17] = [
        ("nothing wrong", "flow\t1\n", 0, ACCEPTED),
        ("no line end", "flow\t1", 0, ACCEPTED),
        ("no TAB", "flow 1\n", 1, ACCEPTED),
        ("no TAB among good ones", "flow\t1\nflow 2\nflow\t3\n", 1, ACCEPTED),
        ("an empty line", "flow\t1\n\n", 1, ACCEPTED),
        ("a wildcard", "flow/+\t1\n", 1, ACCEPTED),
        ("NUL in the sub-topic", "fl\0ow\t1\n", 1, ACCEPTED),
        ("a long topic", &format!("{}\t1\n", "x".repeat(50_000)), 0, ACCEPTED),
        ("too long", &too_long, 1, ACCEPTED),
        ("too long, without an end", too_long.trim_end(), 1, ACCEPTED),
        ("too long for this broker", &too_long_for_the_broker, 1, ACCEPTED_SMALL_PACKETS),
        ("denied", "secret\t1\n", 6, ACCEPTED),
        ("denied before one without TAB", "secret\t1\nflow 2\n", 6, ACCEPTED),
        ("denied after one without TAB", "flow 2\nsecret\t1\n", 6, ACCEPTED),
        ("not acknowledged", "never\t1\n", 1, ACCEPTED),
        ("not acknowledged, and one without TAB", "never\t1\nflow 2\n", 1, ACCEPTED),
        ("denied, and one not acknowledged", "never\t1\nsecret\t2\n", 6, ACCEPTED),
    ];
    for (case, lines, code, connack) in cases {
        let (dir, _broker) = scene(connack);
        let mut agent = Agent::start(&dir.path().join("pump-1.bin"), &["--drain-timeout", "2"]);
        agent.say(lines);
        agent.close_stdin();
        let (status, log) = agent.end();
        assert_eq!(status.code(), Some(code), "{case}: {log}");
        assert_eq!(log.contains("error: "), code != 0, "{case}: {log}");
        assert_eq!(log.contains("help: "), code != 0, "{case}: {log}");
    }
}

#[test]
fn a_directory_on_stdin_is_an_input_that_cannot_be_read() {
    let (dir, _broker) = scene(ACCEPTED);
    let stdin = File::open(dir.path()).unwrap();
    let agent = Agent::start_with_stdin(&dir.path().join("pump-1.bin"), &[], stdin.into());
    let (status, log) = agent.end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("reading stdin failed"), "{log}");
}

#[test]
fn an_input_without_a_line_ends_the_program() {
    let (dir, _broker) = scene(ACCEPTED);
    let empty = dir.path().join("empty");
    File::create(&empty).unwrap();
    let socket = || {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        Stdio::from(OwnedFd::from(ours))
    };
    let inputs =
        [("pipe", Stdio::piped()), ("file", File::open(&empty).unwrap().into()), ("socket", socket())];
    for (input, stdin) in inputs {
        let mut agent = Agent::start_with_stdin(&dir.path().join("pump-1.bin"), &[], stdin);
        agent.close_stdin();
        let (status, log) = agent.end();
        assert_eq!(status.code(), Some(0), "{input}: {log}");
    }
}

#[test]
fn without_an_input_the_agent_stays_for_its_commands() {
    let (dir, _broker) = scene(ACCEPTED);
    let image = dir.path().join("pump-1.bin");
    let unreadable = File::options().write(true).open("/dev/null").unwrap();
    let agents = [
        ("/dev/null", Agent::start_with_stdin(&image, &[], Stdio::null())),
        // What nohup gives a program.
        ("/dev/null, not for reading", Agent::start_with_stdin(&image, &[], unreadable.into())),
        ("a closed descriptor", Agent::start_by_shell(&image, &[], "exec \"$@\" <&-")),
        ("--keep-running", Agent::start(&image, &["--keep-running"])),
    ];
    for (input, mut agent) in agents {
        agent.close_stdin();
        agent.state("online");
        std::thread::sleep(Duration::from_millis(300));
        assert!(agent.is_running(), "{input}");
        agent.signal("-TERM");
        let (status, log) = agent.end();
        assert_eq!(status.code(), Some(0), "{input}: {log}");
    }
}
