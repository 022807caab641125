//! Where a fleet may be: an empty directory of any kind, a file system that can only be read; and where output goes.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use crate::factory::{CommandOutput, Factory};

const INIT: &str = "init --organization Acme --broker-host b.example";

#[test]
fn an_empty_directory_is_a_place_for_a_fleet_whatever_it_is_to_the_system() {
    let factory = Factory::empty();
    for directory in ["plain", "mount", "lost", "here", "behind", "slash"] {
        fs::create_dir(factory.path(directory)).unwrap();
    }
    fs::create_dir(factory.path("lost/lost+found")).unwrap();
    symlink("behind", factory.path("link")).unwrap();
    for fleet in ["plain", "slash/", "link", "lost", "new", "new2/"] {
        factory.run(&format!("--fleet {fleet} {INIT}")).succeeded();
        factory.run(&format!("--fleet {fleet} issue dev-1")).succeeded();
        factory.run(&format!("--fleet {fleet} {INIT}")).exited(5).says("exists already and is not empty");
    }
    assert!(factory.path("link").is_symlink() && factory.path("behind/registry.db").is_file());
    let here =
        factory.command(&format!("--fleet . {INIT}")).current_dir(factory.path("here")).status().unwrap();
    assert!(here.success());
    factory.run("--fleet here list").succeeded();
    let mounted = factory.mounted(
        "mount -t tmpfs none mount; \"$0\" --fleet mount init --organization Acme --broker-host b.example",
        "--fleet mount issue dev-1",
    );
    mounted.succeeded();
    // Nothing is left of the drafts.
    for directory in ["plain", "lost", "here", "behind", "."] {
        let left: Vec<_> =
            factory.files(directory).into_iter().filter(|name| name.contains("init")).collect();
        assert!(left.is_empty(), "{directory}: {left:?}");
    }
}

#[test]
fn an_interrupted_init_in_an_empty_directory_is_begun_again_or_finished() {
    let factory = Factory::new();
    // Half written.
    fs::create_dir_all(factory.path("half/.countersign-init/device-ca")).unwrap();
    factory.run(&format!("--fleet half {INIT}")).succeeded();
    factory.run("--fleet half list").succeeded();
    // Whole, and half moved.
    fs::create_dir(factory.path("moved")).unwrap();
    let whole = factory.path("moved/.countersign-init-whole");
    fs::rename(factory.path("half"), &whole).unwrap();
    fs::rename(whole.join("device-ca"), factory.path("moved/device-ca")).unwrap();
    factory.run(&format!("--fleet moved {INIT}")).exited(5);
    factory.run("--fleet moved issue dev-1").succeeded();
    assert!(!whole.exists());
    // Somebody else's file makes it no empty directory.
    fs::create_dir(factory.path("taken")).unwrap();
    factory.write("taken/.hidden", "");
    factory.run(&format!("--fleet taken {INIT}")).exited(5);
    assert_eq!(factory.files("taken"), [".hidden"]);
}

#[test]
fn a_fleet_on_a_read_only_file_system_can_be_read() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    let read_only = "mount --bind fleet fleet; mount -o remount,ro,bind fleet";
    for command in [
        "list",
        "show dev-1",
        "list --services",
        "inspect fleet/crl/device-ca.crl",
        "export-broker --out exported",
    ] {
        factory.mounted(read_only, command).succeeded();
    }
    factory.mounted(read_only, "issue dev-2").exited(1).says("fleet").says("is mounted read-only");
    // The same with transactions that are in the log alone, as after a power cut.
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry.execute_batch("PRAGMA wal_autocheckpoint = 0; BEGIN IMMEDIATE; COMMIT").unwrap();
    factory.run("issue dev-2").succeeded();
    for side in ["db", "db-wal"] {
        fs::copy(factory.path(&format!("fleet/registry.{side}")), factory.path(&format!("kept.{side}")))
            .unwrap();
    }
    drop(registry);
    for side in ["db", "db-wal"] {
        fs::rename(factory.path(&format!("kept.{side}")), factory.path(&format!("fleet/registry.{side}")))
            .unwrap();
    }
    let _ = fs::remove_file(factory.path("fleet/registry.db-shm"));
    assert!(fs::metadata(factory.path("fleet/registry.db-wal")).unwrap().len() > 0);
    let listed = factory.mounted(read_only, "list").succeeded().stdout;
    assert!(listed.contains("dev-2"), "{listed}");
}

#[test]
fn a_fleet_of_another_owner_can_be_read_by_whoever_may_read_its_files() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    fs::set_permissions(factory.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let stranger =
        |arguments: &str| CommandOutput::of(factory.command(arguments).uid(1000).gid(1000).output().unwrap());
    // What cannot be seen is not absent.
    stranger("list")
        .exited(1)
        .says("error: cannot open ./fleet/registry.db")
        .says("help: uid 1000 may not enter ./fleet");
    chown(factory.path("fleet"), None, Some(1000)).unwrap();
    fs::set_permissions(factory.path("fleet"), fs::Permissions::from_mode(0o750)).unwrap();
    fs::set_permissions(factory.path("fleet/registry.db"), fs::Permissions::from_mode(0o644)).unwrap();
    for command in ["list", "show dev-1", "list --json"] {
        let output = stranger(command).succeeded();
        assert!(output.stdout.contains("dev-1"), "{}", output.stdout);
    }
    stranger("issue dev-2").exited(1).says("uid 1000 may not read ./fleet/.issuing.lock");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let factory = Factory::new();
    let ids: Vec<_> = (0..40).map(|at| format!("dev-{at}")).collect();
    factory.run(&format!("issue {}", ids.join(" "))).succeeded();
    for arguments in [
        "list",
        "list --json",
        "list --csv",
        "show dev-1",
        "show dev-1 --json",
        "inspect fleet/images/dev-1.bin",
        "crl --json",
        "crl --out /dev/stdout",
        "export-broker --out exported",
        "completions bash",
        "--help",
        "issue --help",
        "--version",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = factory.command(arguments).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments}: {said}");
        assert!(!said.contains("error") && !said.contains("panick"), "{arguments}: {said}");
    }
    // A disk that is full is one.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(factory.command("list").stdout(full).status().unwrap().code(), Some(1));
    // Nobody who listens to the errors is no reason to panic.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(factory.command("show nobody").stderr(writer).status().unwrap().code(), Some(4));
}

#[test]
fn a_reader_that_is_gone_hides_no_conflict() {
    let factory = Factory::new();
    factory.run("export-broker --out exported").succeeded();
    fs::write(factory.path("exported/broker.toml"), "# ours\n").unwrap();
    let order = factory.write("order.csv", "device_id\ndev-1\n");
    factory.run("issue --order order.csv").succeeded();
    fs::remove_file(factory.path("fleet/images/dev-1.bin")).unwrap();
    assert!(order.is_file());
    for (arguments, code) in [
        ("export-broker --out exported", 5),
        ("export-broker --out exported --json", 5),
        ("issue --order order.csv", 1),
        ("issue --order order.csv --json", 1),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = factory.command(arguments).stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments}");
    }
}

#[test]
fn a_table_fits_the_terminal() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    let list = |arguments: &str, columns: Option<&str>| {
        let mut command = factory.command(arguments);
        command.env_remove("COLUMNS").envs(columns.map(|columns| ("COLUMNS", columns)));
        CommandOutput::of(command.output().unwrap()).succeeded()
    };
    for (length, titles) in [
        (5, "DEVICE STATUS BOARD NOT AFTER SERIAL"),
        (12, "DEVICE STATUS BOARD NOT AFTER"),
        (48, "DEVICE STATUS BOARD"),
        (64, "DEVICE STATUS"),
    ] {
        let id = "d".repeat(length);
        factory.run(&format!("issue {id}")).succeeded();
        let output = list("list", None);
        let lines: Vec<_> = output.stdout.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 80), "{lines:?}");
        assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>().join(" "), titles);
        assert!(lines.iter().any(|line| line.starts_with(&id)), "{lines:?}");
        assert_eq!(output.stderr.contains("no room for"), !titles.ends_with("SERIAL"), "{}", output.stderr);
        assert!(list("list", Some("200")).stdout.starts_with("DEVICE") && list("list", Some("0")).code == 0);
        assert!(list("list", Some("200")).stdout.lines().skip(1).all(|line| line.len() > length + 60));
        assert!(list("list --services", Some("40")).stdout.lines().all(|line| line.len() <= 40));
    }
}

#[test]
fn what_others_wrote_is_printed_escaped() {
    let factory = Factory::new();
    let steering = ["\u{1b}[2J", "\u{202e}txt", "a\nhelp: all is well", "\u{9b}31m", "\u{2066}"];
    let columns: String = (0..steering.len()).map(|at| format!(",\"column {at}{}\"", steering[at])).collect();
    let fields: String = steering.iter().map(|text| format!(",\"{text}\"")).collect();
    factory.write("order.csv", format!("device_id{columns}\ndev-1{fields}\n"));
    let issued = factory.run("issue --order order.csv");
    let mut seen = format!("{}{}", issued.stdout, issued.stderr);
    if issued.code == 0 {
        seen += &factory.run("show dev-1").succeeded().stdout;
        seen += &factory.run("show dev-1 --json").succeeded().stdout;
        seen += &factory.run("list --json").succeeded().stdout;
    }
    factory.write("bad\u{1b}[2J\u{202e}.csv", "device_id,x\u{1b}]0;t\u{7},x\u{1b}]0;t\u{7}\n");
    for name in ["bad\u{1b}[2J\u{202e}.csv", "none\u{9b}31m"] {
        for arguments in
            [vec!["issue", "--order", name], vec!["inspect", name], vec!["sign", "--csr", name], vec![name]]
        {
            let output = CommandOutput::of(factory.command("").args(&arguments).output().unwrap());
            assert_ne!(output.code, 0);
            seen += &output.stderr;
        }
    }
    // A certificate with a name that steers.
    factory.openssl("ecparam -name prime256v1 -genkey -noout -out any.key").succeeded();
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["req", "-new", "-x509", "-utf8", "-key", "any.key", "-out", "any.pem", "-subj"]);
    openssl.arg("/CN=x\u{1b}[31m\u{202e}y\nerror: no").current_dir(factory.path("."));
    assert!(openssl.status().unwrap().success());
    seen += &factory.run("inspect any.pem").succeeded().stdout;
    for steering in ['\u{1b}', '\u{202e}', '\u{9b}', '\u{2066}', '\u{7}'] {
        assert!(!seen.contains(steering), "{seen:?}");
    }
    assert!(!seen.contains("\nhelp: all is well") && !seen.contains("\nerror: no"), "{seen}");
    assert!(seen.contains("\\u{202e}y"), "{seen}");
}
