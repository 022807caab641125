//! The commands in the README of the plugin, word for word, by the shell a reader would use.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use integration_tests::mosquitto::plugin_library;
use integration_tests::peer::Peer;

const README: &str = include_str!("../../../broker-auth/mosquitto-plugin/README.md");

/// What a reader sees, and waits for: `mosquitto_sub` ends, as its device does not get in again.
const THE_END: &str = "timeout 30 tail --pid=$! -f /dev/null && echo 'mosquitto_sub has ended'\n";

/// The shell blocks below the heading, in order.
fn blocks() -> Vec<&'static str> {
    let section = README.split("\n## ").find(|section| section.starts_with("In ten commands"));
    let blocks = section.unwrap_or_default().split("```sh\n").skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).collect()
}

/// How many commands a block has: a line each, but for what a here-document says.
fn commands(block: &str) -> usize {
    let mut lines = block.lines();
    let mut count = 0;
    while let Some(line) = lines.next() {
        count += 1;
        if line.ends_with("<<END") {
            lines.find(|line| *line == "END").expect("a here-document ends");
        }
    }
    count
}

/// What `cargo build` would leave in `target/release`.
fn build(target: &Path) {
    fs::create_dir_all(target).unwrap();
    let program = target.join("countersign-provision");
    fs::write(&program, format!("#!/bin/sh\nexec '{}' provision \"$@\"\n", env!("CARGO_BIN_EXE_role")))
        .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let name = "libcountersign_mosquitto.so";
    symlink(plugin_library(name), target.join(name)).unwrap();
}

#[test]
fn a_device_is_refused_and_one_revoked_live_in_ten_commands() {
    let peers = [Peer::mosquitto(), Peer::mosquitto_pub(), Peer::mosquitto_sub()];
    if peers.iter().any(Option::is_none) {
        return;
    }
    let blocks = blocks();
    assert_eq!(blocks.iter().map(|block| commands(block)).sum::<usize>(), 10);
    assert_eq!(
        blocks[0],
        "sudo apt-get install mosquitto mosquitto-clients\n\
         cargo build --release -p provisioning -p countersign-mosquitto\n"
    );
    let place = tempfile::tempdir().unwrap();
    build(&place.path().join("target/release"));
    // The one thing that is not word for word: a port nobody else has.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = blocks[1..].concat().replace("8883", &port.to_string());
    let script = format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{script}{THE_END}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .env_remove("COUNTERSIGN_FLEET")
        .env("COUNTERSIGN_PASSPHRASE", "correct horse battery staple")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for words in
        ["refused, as it should be", "published ./fleet/crl/device-ca.crl", "mosquitto_sub has ended"]
    {
        assert!(stdout.contains(words), "{words:?} is missing:\n{stdout}\n{stderr}");
    }
    for words in [
        "as pump-1 (p2, c1, k60, u'pump-1')",
        "\"pump-2\" from 127.0.0.1, taken for device-ca/pump-1 (SUCCESS), is refused: client_id_mismatch",
        "as pump-2 (p2, c1, k60, u'pump-2')",
        "the session \"pump-2\" is over: revoked",
        "\"pump-2\" from 127.0.0.1 is refused: revoked",
    ] {
        assert!(stderr.contains(words), "{words:?} is missing:\n{stdout}\n{stderr}");
    }
}
