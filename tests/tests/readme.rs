//! The README's commands, word for word, by the shell a reader would use.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The shell blocks below a heading of the README, in order.
fn blocks(heading: &str) -> Vec<&'static str> {
    let section = README.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// A directory with the three commands under their own names, as `cargo build` would leave them.
fn commands(directory: &Path) {
    for (name, role) in [
        ("countersign-provision", "provision"),
        ("countersign-broker", "broker"),
        ("countersign-agent", "agent"),
    ] {
        let path = directory.join(name);
        let script = format!("#!/bin/sh\nexec '{}' {role} \"$@\"\n", env!("CARGO_BIN_EXE_role"));
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn provision_run_and_connect_work_as_written() {
    let blocks = blocks("Use it");
    assert_eq!(blocks.len(), 4, "build, provision, run, connect");
    assert!(blocks[0].starts_with("cargo build --release\n"), "{}", blocks[0]);
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bin");
    fs::create_dir(&path).unwrap();
    commands(&path);
    // The one thing that is not word for word: a port nobody else has.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = blocks[1..].concat().replace("8883", &port.to_string());
    let script =
        format!("set -eu\nunset COUNTERSIGN_FLEET\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n{script}");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path())
        .env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    for words in ["pump-1", "listening 127.0.0.1", "allowed", "revoked", "refused, as it should be"] {
        assert!(stdout.contains(words), "{words:?} is missing:\n{stdout}\n{stderr}");
    }
    // What the agent and mosquitto published was let in, by name.
    for identity in ["pump-1", "pump-2"] {
        assert!(stderr.contains(&format!("identity=\"{identity}\"")), "{identity}:\n{stderr}");
    }
}

#[test]
fn the_two_commands_exist() {
    let blocks = blocks("See it work");
    assert_eq!(blocks, ["cargo demo\n", "tests/run\n"]);
    assert!(include_str!("../../.cargo/config.toml").contains("demo = "));
    let mode = fs::metadata(concat!(env!("CARGO_MANIFEST_DIR"), "/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "tests/run can be executed");
}
