//! The demo as a user runs it.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-sim"));
    command.arg("demo").args(args).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn is_alive(pid: &str) -> bool {
    // A zombie is nobody's process any more.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

fn ends(pid: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    !is_alive(pid)
}

#[test]
fn the_demo_tells_the_whole_story_and_everything_happens_as_it_should() {
    let output = demo(&[]).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let row = |tried: &str| {
        let row = text.lines().find(|line| line.starts_with(tried));
        row.unwrap_or_else(|| panic!("no row {tried:?}:\n{text}")).to_owned()
    };
    assert!(row("devices connect").contains("telemetry of all 5 arrived"), "{text}");
    assert!(row("a command goes down").contains("done: open the valve"), "{text}");
    assert!(row("revoking a device").contains("ms after the command returned"), "{text}");
    for (tried, reason) in [
        ("the revoked device coming back", "revoked"),
        ("a certificate that has expired", "expired"),
        ("no certificate at all", "no_certificate"),
        ("a device claiming another's client id", "client_id_mismatch"),
        ("a device publishing on another's topic", "topic_denied"),
        ("a device certificate posing as the broker", "broker_not_trusted"),
    ] {
        assert!(row(tried).split_whitespace().any(|word| word == reason), "{tried}: {reason}\n{text}");
    }
    let foreign = row("a device certificate of a foreign CA");
    assert!(foreign.contains("unknown_ca") || foreign.contains("bad_signature"), "{text}");
    assert!(row("the rightful devices").contains("none interrupted"), "{text}");
    assert!(text.contains("Everything happened as it should."), "{text}");
    assert!(!text.contains('\x1b'), "colour belongs on a terminal:\n{text}");
}

/// Reads until the demo says which process the broker is.
fn broker_process(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "the demo ended before it had a broker");
        if let Some(pid) = line.trim().strip_prefix("(process ").and_then(|rest| rest.strip_suffix(')')) {
            return pid.to_owned();
        }
    }
}

#[test]
fn interrupted_or_killed_the_demo_leaves_no_process_behind_and_interrupted_no_file() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        let temporary = tempfile::TempDir::new().unwrap();
        let mut child = demo(&[]).env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let broker = broker_process(&mut stdout);
        assert!(is_alive(&broker));
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let interrupted = Instant::now();
        let status = child.wait().unwrap();
        if signal != "-KILL" {
            assert_eq!(status.code(), Some(130), "{signal}");
            assert!(interrupted.elapsed() < Duration::from_secs(5), "{:?}", interrupted.elapsed());
            assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "{signal}: files are left");
        }
        assert!(ends(&broker), "{signal}: the broker {broker} outlives the demo");
    }
}

#[test]
fn a_kept_fleet_has_a_broker_that_runs_on_and_the_lines_to_try_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let keep = dir.path().join("kept");
    let output = demo(&["--devices", "2", "--keep", keep.to_str().unwrap()]).output().unwrap();
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let broker = text.lines().find_map(|line| line.split_once("it ends with: kill ")).unwrap().1;
    let port = text.lines().find_map(|line| line.trim().strip_prefix("broker    127.0.0.1:")).unwrap();
    let port: u16 = port.split(',').next().unwrap().parse().unwrap();
    let alive = is_alive(broker) && TcpStream::connect(("127.0.0.1", port)).is_ok();
    let handshake = as_printed(&text, "openssl s_client", "Cut the device off");
    let published = as_printed(&text, "mosquitto_pub", "Look at the handshake");
    let killed = Command::new("kill").arg(broker).status().unwrap();
    assert!(alive && killed.success(), "{text}");
    assert!(ends(broker));
    for line in ["mosquitto_sub -h", "mosquitto_pub -h", "openssl s_client -connect", "revoke pump-0001"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let shown = String::from_utf8_lossy(&handshake.stdout);
    assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
    assert!(published.status.success(), "{published:?}");
    assert!(keep.join("fleet/registry.db").exists());
    assert_eq!(mode(&keep.join("passphrase")), 0o600);

    // It is in use now.
    let output = demo(&["--keep", keep.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
}

/// Runs the command from `start` to before `end`, as it is printed.
fn as_printed(text: &str, start: &str, end: &str) -> Output {
    let start = text.find(start).unwrap();
    let end = start + text[start..].find(end).unwrap();
    Command::new("sh").arg("-c").arg(&text[start..end]).stdin(Stdio::null()).output().unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_not_built_is_a_usage_error() {
    for args in [&["qemu"][..], &["fleet"], &["demo", "--devices", "1"], &["__as", "nobody"], &[]] {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign-sim")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}
