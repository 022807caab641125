//! What it writes, and to whom: a line is one write, and a reader that is gone is told of.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::agent::{Agent, EVENT_TIMEOUT};
use crate::pki::{Fleet, ImageSpec};
use crate::scripted_broker::{ACCEPTED, ScriptedBroker, Stream, connect, read_packet, send};

/// Each write to it arrives as a message of its own.
struct Writes(UnixDatagram);

impl Writes {
    fn pair() -> (Stdio, Self) {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        ours.set_read_timeout(Some(EVENT_TIMEOUT)).unwrap();
        (Stdio::from(OwnedFd::from(theirs)), Self(ours))
    }

    fn next(&self) -> String {
        let mut message = vec![0; 256 * 1024];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// All that have been written.
    fn rest(&self) -> Vec<String> {
        self.0.set_nonblocking(true).unwrap();
        let mut message = vec![0; 256 * 1024];
        let mut writes = Vec::new();
        loop {
            match self.0.recv(&mut message) {
                Ok(0) => return writes,
                Ok(length) => writes.push(String::from_utf8(message[..length].to_vec()).unwrap()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return writes,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn is_one_line(write: &str) -> bool {
    write.ends_with('\n') && write.matches('\n').count() == 1 && write.len() > 1
}

/// Sends these commands to a gateway, acknowledges its telemetry, and notes it.
fn command(mut stream: Stream, payloads: &[Vec<u8>], seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    connect(&mut stream, ACCEPTED)?;
    loop {
        let (first, body) = read_packet(&mut stream)?;
        match first >> 4 {
            8 => {
                send(&mut stream, &[0x90, 4, body[0], body[1], 0, 1])?;
                for (number, payload) in (1_u16..).zip(payloads) {
                    let topic = format!("devices/pump-1/commands/{number}");
                    let mut rest = vec![0, u8::try_from(topic.len()).unwrap()];
                    rest.extend(topic.as_bytes());
                    rest.extend(number.to_be_bytes());
                    rest.push(0);
                    rest.extend(payload);
                    // A remaining length in three bytes, whatever it is.
                    let length = rest.len();
                    let digit = |shift: usize| u8::try_from((length >> shift) & 0x7f).unwrap();
                    let mut packet = vec![0x32, digit(0) | 0x80, digit(7) | 0x80, digit(14)];
                    packet.extend(rest);
                    send(&mut stream, &packet)?;
                }
            }
            3 => {
                let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
                seen.lock().unwrap().push(String::from_utf8(body[2..2 + length].to_vec()).unwrap());
                send(&mut stream, &[0x40, 4, body[2 + length], body[3 + length], 0, 0])?;
            }
            12 => send(&mut stream, &[0xd0, 0])?,
            14 => return Ok(()),
            _ => {}
        }
    }
}

struct Scene {
    dir: TempDir,
    _broker: ScriptedBroker,
    topics: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(payloads: Vec<Vec<u8>>) -> Self {
        let fleet = Fleet::new();
        let topics = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&topics);
        let broker = ScriptedBroker::start(&[&fleet.broker()], Some(&fleet.devices), move |stream| {
            command(stream, &payloads, &seen)
        });
        let dir = TempDir::new().unwrap();
        ImageSpec::new(&fleet, "pump-1", broker.port).write(&dir.path().join("pump-1.bin"));
        Self { dir, _broker: broker, topics }
    }

    fn run(&self, args: &[&str], change: impl FnOnce(&mut Command) -> &mut Command) -> Child {
        let mut command = Agent::program(&self.dir.path().join("pump-1.bin"), args);
        change(command.stdin(Stdio::piped())).spawn().unwrap()
    }
}

fn terminate(child: &mut Child) -> Option<i32> {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    child.wait().unwrap().code()
}

#[test]
fn every_line_of_the_log_is_one_write() {
    for format in ["text", "json"] {
        let scene = Scene::new(Vec::new());
        let (stderr, writes) = Writes::pair();
        let mut child = scene.run(&["--log", format], |command| command.stderr(stderr).stdout(Stdio::null()));
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"no tab\nfl+ow\t1\nflow\t2\n").unwrap();
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let mut writes = writes.rest();
        // The end in words is one write, too: of two lines.
        let end = writes.pop().unwrap();
        assert!(end.starts_with("error: ") && end.contains("\nhelp: ") && end.ends_with('\n'), "{end:?}");
        assert!(writes.len() >= 4 && writes.iter().all(|write| is_one_line(write)), "{format}: {writes:#?}");
        if format == "json" {
            let objects =
                writes.iter().filter(|write| serde_json::from_str::<serde_json::Value>(write).is_ok());
            assert_eq!(objects.count(), writes.len());
        }
    }
}

#[test]
fn every_command_is_one_write_however_long() {
    let payloads =
        [b"short".to_vec(), vec![b'x'; 60_000], vec![0xff; 40_000], b"two\nlines".to_vec(), Vec::new()];
    let scene = Scene::new(payloads.to_vec());
    let (stdout, writes) = Writes::pair();
    let mut child = scene.run(&[], |command| command.stdout(stdout).stderr(Stdio::null()));
    for payload in payloads {
        let write = writes.next();
        assert!(is_one_line(&write), "{} bytes: {:?}", write.len(), &write[..write.len().min(200)]);
        let command: serde_json::Value = serde_json::from_str(&write).unwrap();
        match std::str::from_utf8(&payload) {
            Ok(text) => assert_eq!(command["payload"], text),
            Err(_) => assert!(command["payload_base64"].is_string()),
        }
    }
    assert_eq!(terminate(&mut child), Some(0));
}

#[test]
fn a_refused_image_is_told_in_one_write() {
    let scene = Scene::new(Vec::new());
    std::fs::write(scene.dir.path().join("pump-1.bin"), b"\x1b[2Jno image").unwrap();
    let (stderr, writes) = Writes::pair();
    let mut child = scene.run(&[], |command| command.stderr(stderr));
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(writes.rest().len(), 1);
}

#[test]
fn where_commands_cannot_be_written_it_says_so_delivers_what_it_has_read_and_ends() {
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(OwnedFd::from(writer))
    };
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for (what, stdout) in [("a closed pipe", closed()), ("a full disk", full())] {
        let scene = Scene::new(vec![b"open the valve".to_vec()]);
        let mut child =
            scene.run(&["--drain-timeout", "20"], |command| command.stdout(stdout).stderr(Stdio::piped()));
        let mut stdin = child.stdin.take().unwrap();
        // It stays open: the broken stdout alone ends the agent.
        std::io::Write::write_all(&mut stdin, b"1\t-\n2\t-\n").unwrap();
        let status = child.wait().unwrap();
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(status.code(), Some(1), "{what}: {log}");
        assert!(log.contains("error: cannot write commands to stdout"), "{what}: {log}");
        let topics = scene.topics.lock().unwrap();
        let wanted = ["status", "telemetry/1", "telemetry/2", "status"];
        assert_eq!(*topics, wanted.map(|channel| format!("devices/pump-1/{channel}")), "{what}: {log}");
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_end_the_agent() {
    let scene = Scene::new(vec![b"still there?".to_vec()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (stdout, writes) = Writes::pair();
    let mut child = scene.run(&[], |command| command.stderr(OwnedFd::from(writer)).stdout(stdout));
    assert!(writes.next().contains("still there?"));
    assert_eq!(terminate(&mut child), Some(0));
    // And where its end is all there is to say.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut refused = Agent::program(&scene.dir.path().join("no such image"), &[]);
    let status = refused.stdin(Stdio::null()).stderr(OwnedFd::from(writer)).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn completions_that_nobody_reads_are_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-agent"));
    let output =
        command.args(["completions", "bash"]).stdout(OwnedFd::from(writer)).stderr(Stdio::piped()).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}
