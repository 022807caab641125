//! `backup` and `restore`: a fleet in one file, and a fleet from it again.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tar::{Builder, EntryType, Header};

use crate::factory::{CommandOutput, Factory, tree};

/// A fleet with devices, a service, and one certificate of each status.
fn fleet() -> Factory {
    let factory = Factory::quick();
    for command in [
        "issue good stolen lent --format bin,pem",
        "service historian",
        "revoke stolen --reason keyCompromise",
        "suspend lent",
    ] {
        factory.run(command).succeeded();
    }
    factory
}

/// The fleet of `factory` from this backup, elsewhere.
fn elsewhere(factory: &Factory, backup: &str) -> Factory {
    let other = Factory::empty();
    fs::copy(factory.path(backup), other.path("backup.tar")).unwrap();
    other.run("restore backup.tar").succeeded();
    other
}

fn statuses(factory: &Factory) -> [String; 4] {
    ["good", "stolen", "lent", "historian"].map(|name| factory.statuses(name).concat())
}

const STATUSES: [&str; 4] = ["active", "revoked", "suspended", "active"];

fn shell(directory: &Path, command: &str) -> CommandOutput {
    CommandOutput::of(Command::new("sh").args(["-ec", command]).current_dir(directory).output().unwrap())
}

#[test]
fn a_fleet_is_whole_again_from_one_file_that_tar_and_sha256sum_read() {
    let factory = fleet();
    let said = factory.run("backup fleet.tar").succeeded();
    assert!(said.stdout.starts_with("wrote 21 file(s)"), "{}", said.stdout);
    let mode = fs::metadata(factory.path("fleet.tar")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    shell(&factory.path("."), "mkdir x; tar -C x -xf fleet.tar; cd x; sha256sum -c SHA256SUMS").succeeded();
    assert!(!factory.path("x/images").exists());

    let other = elsewhere(&factory, "fleet.tar");
    assert_eq!(statuses(&other), STATUSES);
    for path in tree(&other.path("fleet")) {
        let mode = fs::metadata(other.path("fleet").join(&path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        // SQLite's own file is written anew.
        if path != Path::new("registry.db") {
            let same = fs::read(other.path("fleet").join(&path)).unwrap()
                == fs::read(factory.path("fleet").join(&path)).unwrap_or_default();
            assert!(same || path.starts_with(".issuing.lock"), "{}", path.display());
        }
    }
    for command in [
        "crl",
        "issue next",
        "service historian --renew",
        "broker-cert",
        "resume lent",
        "export-broker --out b",
    ] {
        other.run(command).succeeded();
    }
    assert_eq!(other.listed("device-ca").len(), 1);
    // With the images, too; and a file that is there is not replaced.
    factory.run("backup with.tar --with-images").succeeded();
    let before = fs::read(factory.path("with.tar")).unwrap();
    factory.run("backup with.tar").exited(5).says("exists already");
    assert_eq!(fs::read(factory.path("with.tar")).unwrap(), before);
    let other = elsewhere(&factory, "with.tar");
    assert_eq!(other.files("fleet/images"), factory.files("fleet/images"));
    // What has been moved away on purpose is named.
    fs::remove_file(factory.path("fleet/device-ca/root.key")).unwrap();
    factory.run("backup without.tar").succeeded().says("device-ca/root.key is not there");
}

#[test]
fn what_lists_and_files_know_stays_when_an_older_registry_is_put_back() {
    let factory = fleet();
    factory.run("backup old.tar").succeeded();
    for command in [
        "issue new",
        "revoke good",
        "resume lent",
        "revoke new --reason keyCompromise",
        "service historian --renew",
    ] {
        factory.run(command).succeeded();
    }
    let listed = factory.listed("device-ca");
    fs::remove_file(factory.path("fleet/registry.db")).unwrap();
    fs::remove_file(factory.path("fleet/device-ca/issuing.key")).unwrap();
    let restored = factory.json("restore old.tar");
    let names: Vec<_> =
        restored["restored"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(names, ["device-ca/issuing.key", "registry.db"]);
    let kept = restored["kept"].to_string();
    assert!(kept.contains("crl/device-ca.crl") && kept.contains("historian.key.pem"), "{kept}");
    assert_eq!(factory.statuses("good"), ["revoked"]);
    assert_eq!(factory.statuses("new"), ["revoked"]);
    assert_eq!(factory.statuses("historian"), ["active", "superseded"]);
    factory.run("crl").succeeded();
    let after = factory.listed("device-ca");
    assert!(listed.iter().all(|entry| after.contains(entry)), "{listed:?} {after:?}");
    // A registry that is there stays, and files are put beside it.
    fs::remove_file(factory.path("fleet/broker.toml")).unwrap();
    factory.run("restore old.tar").succeeded();
    assert_eq!(factory.statuses("new"), ["revoked"]);
    assert!(factory.path("fleet/broker.toml").exists());
    // One that is damaged is not replaced, but named.
    fs::write(factory.path("fleet/registry.db"), "nonsense, and more than SQLite's header has").unwrap();
    factory.run("restore old.tar").exited(3).says("move registry.db away");
}

#[test]
fn another_fleet_and_other_directories_stay_as_they_are() {
    let (factory, foreign) = (fleet(), Factory::quick());
    factory.run("backup fleet.tar").succeeded();
    fs::copy(factory.path("fleet.tar"), foreign.path("fleet.tar")).unwrap();
    let before = tree(&foreign.path("fleet"));
    foreign
        .run("restore fleet.tar")
        .exited(5)
        .says("issuing.pem is not that of the backup")
        .says("another fleet");
    let new: Vec<_> =
        tree(&foreign.path("fleet")).into_iter().filter(|path| !before.contains(path)).collect();
    assert!(new.iter().all(|path| path.to_str().unwrap().ends_with(".lock")), "{new:?}");
    fs::create_dir(foreign.path("home")).unwrap();
    foreign.write("home/letter.txt", "Dear engineer");
    foreign.run("restore fleet.tar --fleet home").exited(5).says("is no fleet, and not empty");
    assert!(!foreign.path("home/registry.db").exists());
}

/// An archive of these members.
fn archive(members: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in members {
        let mut header = Header::new_ustar();
        // As an attacker writes it: `set_path` refuses some.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc").unwrap();
        }
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn what_is_no_backup_or_a_damaged_one_changes_nothing() {
    let factory = fleet();
    factory.run("backup fleet.tar").succeeded();
    let whole = fs::read(factory.path("fleet.tar")).unwrap();
    let mut hostile: Vec<(String, Vec<u8>)> = Vec::new();
    for part in 1..8 {
        hostile.push((format!("cut at {part}/8"), whole[..whole.len() * part / 8].to_vec()));
    }
    for (place, at) in [("registry", 1000), ("later", whole.len() / 2), ("digests", whole.len() - 2000)] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        hostile.push((format!("changed in {place}"), changed));
    }
    let mut twice = whole[..whole.len() - 1024].to_vec();
    twice.extend(archive(&[("broker.toml", EntryType::Regular, b"x")]));
    hostile.push(("more after the digests".to_owned(), twice));
    let registry = b"SQLite format 3".as_slice();
    for (what, members) in [
        ("a path upwards", vec![("../escaped.pem", EntryType::Regular, b"x".as_slice())]),
        ("an absolute path", vec![("/tmp/escaped-from-an-archive.pem", EntryType::Regular, b"x")]),
        ("a link", vec![("images", EntryType::Symlink, b""), ("images/x.bin", EntryType::Regular, b"x")]),
        ("a link of a good name", vec![("images/x.bin", EntryType::Symlink, b"")]),
        ("a directory", vec![("images/", EntryType::Directory, b"")]),
        ("a sparse file", vec![("registry.db", EntryType::GNUSparse, registry)]),
        ("a long name", vec![("././@LongLink", EntryType::GNULongName, &[b'a'; 5000])]),
        (
            "a name twice",
            vec![("broker.toml", EntryType::Regular, b"x"), ("broker.toml", EntryType::Regular, b"y")],
        ),
        ("no digests", vec![("registry.db", EntryType::Regular, registry)]),
        ("no registry", vec![("SHA256SUMS", EntryType::Regular, b"")]),
        ("a list's lock", vec![(".issuing.lock", EntryType::Regular, b"")]),
    ] {
        hostile.push((what.to_owned(), archive(&members)));
    }
    hostile.push(("nothing".to_owned(), Vec::new()));
    hostile.push(("something else".to_owned(), b"Dear engineer, ".repeat(1000)));
    let inside = tree(&factory.path("fleet"));
    for (what, content) in hostile {
        factory.write("hostile.tar", content);
        for target in ["--fleet new", "--fleet fleet"] {
            let output = factory.run(&format!("restore hostile.tar {target}"));
            assert!([3, 1].contains(&output.code), "{what}: {} {}", output.code, output.stderr);
            assert!(
                output.stderr.contains("hostile.tar") || what.contains("twice"),
                "{what}: {}",
                output.stderr
            );
        }
        assert!(!factory.path("new").exists() && !factory.path("escaped.pem").exists(), "{what}");
        assert_eq!(tree(&factory.path("fleet")), inside, "{what}");
    }
    assert!(!Path::new("/tmp/escaped-from-an-archive.pem").exists());
}

#[test]
fn backups_that_are_made_while_an_order_runs_are_whole() {
    let factory = fleet();
    let order: String = (0..600).map(|number| format!("dev-{number}\n")).collect::<Vec<_>>().concat();
    factory.write("order.csv", format!("device_id\n{order}"));
    let mut running = factory
        .command("issue --order order.csv --format pem")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut made = Vec::new();
    while running.try_wait().unwrap().is_none() && made.len() < 8 {
        let name = format!("backup-{}.tar", made.len());
        factory.run(&format!("backup {name} --with-images")).succeeded();
        made.push(name);
    }
    assert!(running.wait().unwrap().success());
    for name in [made.first().unwrap(), made.last().unwrap()] {
        let other = elsewhere(&factory, name);
        assert_eq!(statuses(&other), STATUSES);
        // What is in the images is in the registry.
        let again = other.json("reconcile");
        assert_eq!((&again["adopted"], again["left"].as_array().unwrap().len()), (&0.into(), 0));
    }
}

#[test]
fn killed_at_any_moment_there_is_a_whole_backup_or_none_and_a_whole_fleet_or_none() {
    let factory = fleet();
    let kill_after = |arguments: &str, milliseconds: u64| {
        let mut child =
            factory.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap().success()
    };
    let mut milliseconds = 0;
    while !kill_after("backup fleet.tar", milliseconds) {
        if factory.path("fleet.tar").exists() {
            assert_eq!(statuses(&elsewhere(&factory, "fleet.tar")), STATUSES, "{milliseconds} ms");
            break;
        }
        milliseconds += 5;
    }
    fs::rename(factory.path("fleet"), factory.path("before")).unwrap();
    milliseconds = 0;
    loop {
        let ended = kill_after("restore fleet.tar", milliseconds);
        if factory.path("fleet").exists() {
            assert_eq!(statuses(&factory), STATUSES, "{milliseconds} ms");
            fs::remove_dir_all(factory.path("fleet")).unwrap();
        }
        if ended {
            break;
        }
        milliseconds += 5;
    }
    // In place: whatever was put back, no registry is there before it is whole.
    for milliseconds in (0..120).step_by(8) {
        let _ = fs::remove_dir_all(factory.path("fleet"));
        fs::create_dir(factory.path("fleet")).unwrap();
        kill_after("restore fleet.tar", milliseconds);
        if factory.path("fleet/registry.db").exists() {
            assert_eq!(statuses(&factory), STATUSES, "{milliseconds} ms");
        }
        factory.run("restore fleet.tar").succeeded();
        assert_eq!(statuses(&factory), STATUSES);
        assert!(!factory.path("fleet/.restoring").exists());
    }
}

#[test]
fn a_disk_that_is_full_leaves_no_backup() {
    let factory = fleet();
    let mount = "mkdir -p stick && mount -t tmpfs -o size=64k none stick";
    factory.mounted(mount, "backup stick/fleet.tar").exited(1).says("stick");
    let mut file = File::create(factory.path("taken")).unwrap();
    file.write_all(b"x").unwrap();
    factory.run("backup taken").exited(5);
    factory.run("backup nowhere/fleet.tar").exited(1).says("nowhere");
}
