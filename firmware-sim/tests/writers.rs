//! What `countersign-sim` writes, and to whom: a line is one write, a reader that is gone is told of, and signals end it.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

fn sim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-sim"));
    command.stdin(Stdio::null());
    command
}

/// A directory with the images of three devices.
fn images() -> TempDir {
    let dir = TempDir::new().unwrap();
    for args in [
        &["init", "--organization", "Acme", "--broker-host", "localhost"][..],
        &["issue", "dev-1", "dev-2", "dev-3"],
    ] {
        let mut command = sim();
        command.args(["__as", "countersign-provision", "--fleet"]).arg(dir.path().join("fleet")).args(args);
        let output = command.env("COUNTERSIGN_PASSPHRASE", "the passphrase of a test").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    dir
}

fn fleet(dir: &Path, broker: &str, args: &[&str]) -> Command {
    let mut command = sim();
    command.arg("fleet").arg("--images").arg(dir.join("fleet/images")).args(["--broker", broker]).args(args);
    command
}

/// What is written to the descriptor, each write as a message of its own.
fn writes() -> (Stdio, UnixDatagram) {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    (Stdio::from(OwnedFd::from(theirs)), ours)
}

fn taken(socket: &UnixDatagram) -> Vec<String> {
    socket.set_nonblocking(true).unwrap();
    let mut writes = Vec::new();
    let mut message = vec![0; 256 * 1024];
    loop {
        match socket.recv(&mut message) {
            Ok(0) => return writes,
            Ok(length) => writes.push(String::from_utf8(message[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return writes,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A port on loopback where nobody listens.
fn nobodys() -> String {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

fn terminate(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn every_line_of_a_fleet_is_one_write() {
    let dir = images();
    for format in [&["--json"][..], &["--device-log"]] {
        let (stdout, socket) = writes();
        let mut command = fleet(dir.path(), &nobodys(), &["--duration", "1"]);
        let status = command.args(format).stdout(stdout).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1), "no device was in session");
        let mut writes = taken(&socket);
        let summary = writes.pop().unwrap();
        assert!(summary.ends_with('\n'), "{summary:?}");
        assert!(writes.len() >= 3, "{writes:#?}");
        for write in writes {
            assert!(
                write.ends_with('\n') && write.matches('\n').count() == 1 && write.len() > 1,
                "{write:?}"
            );
        }
    }
}

#[test]
fn a_refusal_is_one_write() {
    let dir = images();
    std::fs::write(dir.path().join("fleet/images/dev-2.bin"), "no image").unwrap();
    let (stderr, socket) = writes();
    let status = fleet(dir.path(), &nobodys(), &[]).stdout(Stdio::null()).stderr(stderr).status().unwrap();
    assert_eq!(status.code(), Some(3));
    let writes = taken(&socket);
    assert!(writes.last().unwrap().starts_with("error: "), "{writes:#?}");
}

#[test]
fn a_closed_stdout_is_told_of_once_and_the_devices_go_on() {
    let dir = images();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = fleet(dir.path(), &nobodys(), &["--duration", "1"]);
    let output = command.stdout(OwnedFd::from(writer)).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("stdout cannot be written").count(), 1, "{said}");
}

#[test]
fn a_second_signal_ends_a_fleet_at_once() {
    let dir = images();
    // It takes connections and says nothing, so there is always something left to deliver.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut child =
        fleet(dir.path(), &address, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    terminate(&child);
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    assert!(child.try_wait().unwrap().is_none(), "the first signal waits for what is still to be delivered");
    terminate(&child);
    child.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
