//! `countersign-sim fleet` where there is no broker: what it takes, what it refuses, how it says so.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use device_identity::image::SLOT_LEN;
use serde_json::Value;
use tempfile::TempDir;

fn sim() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-sim"));
    command.stdin(Stdio::null());
    command
}

fn fleet(images: &Path, args: &[&str]) -> Output {
    sim().arg("fleet").arg("--images").arg(images).args(args).output().unwrap()
}

/// A directory with the images of `devices`.
fn images(devices: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let provision = |args: &[&str]| {
        let output = sim()
            .args(["__as", "countersign-provision", "--fleet"])
            .arg(dir.path().join("fleet"))
            .args(args)
            .env("COUNTERSIGN_PASSPHRASE", "the passphrase of a test")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    provision(&["init", "--organization", "Acme", "--broker-host", "localhost"]);
    provision(&[&["issue"], devices].concat());
    dir
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A port on loopback where nobody listens.
fn nobodys() -> String {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    format!("127.0.0.1:{port}")
}

#[test]
fn every_image_that_cannot_be_used_is_named_and_no_device_starts() {
    let dir = images(&["dev-1", "dev-2"]);
    let images = dir.path().join("fleet/images");
    let good = fs::read(images.join("dev-1.bin")).unwrap();
    fs::copy(images.join("dev-2.bin"), images.join("twice.bin")).unwrap();
    fs::write(images.join("empty.bin"), []).unwrap();
    fs::write(images.join("long.bin"), [&good[..], &[0xFF; SLOT_LEN]].concat()).unwrap();
    let mut damaged = good;
    damaged[40] ^= 1;
    fs::write(images.join("damaged.bin"), damaged).unwrap();
    fs::write(images.join("notes.txt"), "no image").unwrap();

    let output = fleet(&images, &["--broker", &nobodys(), "--duration", "1"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("4 of 6 images cannot be used"), "{said}");
    for (file, word) in
        [("twice.bin", "dev-2"), ("empty.bin", ""), ("long.bin", "longer"), ("damaged.bin", "checksum")]
    {
        let line = said.lines().find(|line| line.contains(file));
        assert!(line.is_some_and(|line| line.contains(word)), "{file}: {said}");
    }
    assert!(!said.contains("notes.txt"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let empty = TempDir::new().unwrap();
    let dir = images(&["dev-1"]);
    let images = dir.path().join("fleet/images");
    for (path, args) in [
        (empty.path(), &[][..]),
        (&empty.path().join("missing"), &[]),
        (&images, &["--rate", "-1"]),
        (&images, &["--rate", "nan"]),
        (&images, &["--duration", "-1"]),
        (&images, &["--broker", "nowhere"]),
        (&images, &["--broker", ":1"]),
        (&images, &["--broker", "localhost:65536"]),
        (&images, &["--ramp", "0"]),
    ] {
        let output = fleet(path, args);
        assert_eq!(output.status.code(), Some(2), "{path:?} {args:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn without_a_broker_the_fleet_ends_in_time_and_says_that_nobody_had_a_session() {
    let dir = images(&["dev-1", "dev-2", "dev-3"]);
    let images = dir.path().join("fleet/images");
    let args = ["--broker", &nobodys(), "--duration", "1", "--devices", "2", "--rate", "2"];

    let output = fleet(&images, &[&args[..], &["--json", "--device-log"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!(
        (&summary["devices"], &summary["lost"], &summary["sessions"]),
        (&2.into(), &2.into(), &0.into())
    );
    assert_eq!(summary["published"], summary["unacknowledged"], "{summary}");
    assert!(summary["published"].as_u64().unwrap() > 0, "they speak without a broker too: {summary}");
    let offline = lines.iter().find(|line| line["event"] == "state" && line["state"] == "offline").unwrap();
    assert_eq!(offline["cause"], "unreachable");
    assert!(offline["retry_in_ms"].is_u64() && offline["detail"].as_str().unwrap().contains("refuses"));
    let outcomes =
        |id: &str| lines.iter().filter(|line| line["event"] == "outcome" && line["device_id"] == id).count();
    assert_eq!((outcomes("dev-1"), outcomes("dev-2"), outcomes("dev-3")), (1, 1, 0));

    let output = fleet(&images, &args);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().filter(|line| line.starts_with("dev-")).count(), 2, "{said}");
    assert!(said.contains("without a session") && !said.contains('\x1b'), "{said}");
}

#[test]
fn interrupted_it_still_sums_up() {
    let dir = images(&["dev-1"]);
    let child = sim()
        .args(["fleet", "--json", "--broker", &nobodys(), "--images"])
        .arg(dir.path().join("fleet/images/dev-1.bin"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It may be anywhere by now, but for the instant before it listens for signals.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"event\":\"summary\""));
}
