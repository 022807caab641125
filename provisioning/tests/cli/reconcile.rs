//! `reconcile`: what certificates, images and lists say, back into a registry that is from a backup or lost.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::factory::{Factory, PASSPHRASE, tree};
use crate::lists::{back_up, restore};

/// A registry from a backup, with devices of every format, services and revocations that are newer.
fn after_a_backup() -> Factory {
    let factory = Factory::quick();
    factory.run("issue known").succeeded();
    factory.run("service kept").succeeded();
    back_up(&factory);
    factory.request("own", "own", "");
    for command in [
        "issue as-bin",
        "issue as-hex --format hex --address 0x08000000",
        "issue as-uf2 --format uf2 --address 0x10000000",
        "issue as-pem --format pem",
        "sign --csr own.csr --device-id own",
        "service kept --renew",
        "service gone",
        "revoke as-bin --reason keyCompromise",
        "suspend as-hex",
        "revoke gone",
    ] {
        factory.run(command).succeeded();
    }
    restore(&factory);
    factory
}

fn count(document: &Value, name: &str) -> u64 {
    document[name].as_u64().unwrap()
}

#[test]
fn what_was_made_since_a_backup_is_read_back_from_every_format() {
    let factory = after_a_backup();
    let (devices, services) = (factory.listed("device-ca"), factory.listed("service-ca"));
    let rehearsed = factory.json("reconcile --dry-run");
    assert_eq!((count(&rehearsed, "adopted"), &rehearsed["dry_run"]), (7, &Value::Bool(true)));
    factory.run("show as-bin").exited(4);

    let done = factory.json("reconcile");
    assert_eq!((count(&done, "adopted"), done["entries"].as_array().unwrap().len()), (7, 3));
    assert_eq!(done["left"], Value::Array(Vec::new()));
    let statuses = ["known", "as-bin", "as-hex", "as-uf2", "as-pem", "own", "gone"]
        .map(|name| factory.statuses(name).concat());
    assert_eq!(statuses, ["active", "revoked", "suspended", "active", "active", "active", "revoked"]);
    assert_eq!(factory.statuses("kept"), ["active", "superseded"]);
    // Again, there is nothing left to do.
    let again = factory.json("reconcile");
    assert_eq!((count(&again, "adopted"), again["entries"].as_array().unwrap().len()), (0, 0));
    factory.run("crl").succeeded();
    assert_eq!((factory.listed("device-ca"), factory.listed("service-ca")), (devices, services));
    factory.run("resume as-hex").succeeded();
    factory.run("issue as-uf2").exited(5).says("registered already");
}

#[test]
fn an_entry_that_a_list_gave_the_registry_before_is_that_of_the_certificate_afterwards() {
    let factory = after_a_backup();
    let before = factory.listed("device-ca");
    factory.run("crl").exited(5).says("reconcile");
    assert_eq!(factory.listed("device-ca"), before);
    factory.run("reconcile").succeeded();
    assert_eq!(factory.statuses("as-bin"), ["revoked"]);
    assert_eq!(factory.statuses("as-hex"), ["suspended"]);
    for _ in 0..2 {
        factory.run("crl").succeeded();
        assert_eq!(factory.listed("device-ca"), before);
    }
    // By its file alone, too.
    let factory = after_a_backup();
    factory.run("crl").exited(5);
    factory.run("revoke --cert fleet/images/as-pem.cert.pem").succeeded();
    assert_eq!(factory.listed("device-ca").len(), before.len() + 1);
}

/// A fleet that lost its registry, but not what SQLite kept beside it.
fn without_a_registry() -> Factory {
    let factory = Factory::quick();
    for command in [
        "issue good stolen lent --format bin,pem",
        "service historian",
        "revoke stolen --reason keyCompromise",
        "suspend lent",
    ] {
        factory.run(command).succeeded();
    }
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry.execute("UPDATE device SET product = 'P1'", []).unwrap();
    fs::copy(factory.path("fleet/registry.db-wal"), factory.path("wal")).unwrap();
    drop(registry);
    fs::remove_file(factory.path("fleet/registry.db")).unwrap();
    fs::rename(factory.path("wal"), factory.path("fleet/registry.db-wal")).unwrap();
    factory
}

#[test]
fn a_lost_registry_is_made_anew_with_the_settings_that_the_files_follow() {
    let factory = without_a_registry();
    let listed = factory.listed("device-ca");
    for command in ["crl", "issue next", "list"] {
        factory.run(command).exited(3).says("the registry is lost").says("reconcile");
    }
    let before = tree(&factory.path("fleet"));
    let rehearsed = factory.json("reconcile --dry-run");
    assert_eq!(rehearsed["new_registry"]["organization"], "Acme");
    let new = |before: &[std::path::PathBuf]| {
        let after = tree(&factory.path("fleet")).into_iter();
        after.filter(|path| !before.contains(path)).collect::<Vec<_>>()
    };
    assert!(new(&before).is_empty());

    let made = factory.run("reconcile").succeeded().says("registry.db-wal.lost.1");
    assert!(
        made.stdout.contains("broker.example, 127.0.0.1 (from ./fleet/broker/cert.pem)"),
        "{}",
        made.stdout
    );
    assert_eq!(new(&before), [Path::new("registry.db"), Path::new("registry.db-wal.lost.1")]);
    let statuses = ["good", "stolen", "lent", "historian"].map(|name| factory.statuses(name).concat());
    assert_eq!(statuses, ["active", "revoked", "suspended", "active"]);
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), listed);
    for command in
        ["issue next", "resume lent", "service historian --renew", "broker-cert", "export-broker --out b"]
    {
        factory.run(command).succeeded();
    }
    factory.run("issue good").exited(5);
    assert_eq!(factory.json("inspect fleet/images/next.bin")["broker_host"], "broker.example");
}

#[test]
fn a_wrong_clock_at_a_rebuilt_registry_is_not_believed_afterwards() {
    for offset in ["+4015d", "-2y"] {
        let factory = without_a_registry();
        factory.run_at(offset, "reconcile").succeeded();
        factory.run("issue next").succeeded();
        factory.run_at("+40d", "issue later").exited(2).says("--yes");
        factory.run_at("-2d", "issue earlier").exited(1);
    }
}

#[test]
fn without_any_file_that_names_the_broker_it_has_to_be_said() {
    let factory = without_a_registry();
    for directory in ["fleet/images", "fleet/broker"] {
        fs::remove_dir_all(factory.path(directory)).unwrap();
    }
    factory.run("reconcile").exited(2).says("--broker-host");
    let made = factory.run("reconcile --broker-host other.example").succeeded();
    assert!(made.stdout.contains("8883 (no file says it"), "{}", made.stdout);
    // The devices' certificates are gone, what was revoked is not.
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 2);
    assert_eq!(factory.statuses("historian"), ["active"]);
}

#[test]
fn what_is_not_ours_or_damaged_is_named_and_left() {
    let (factory, foreign) = (Factory::quick(), Factory::quick());
    factory.run("issue a b --format bin,pem").succeeded();
    foreign.run("issue theirs --format bin,pem").succeeded();
    foreign.run("crl").succeeded();
    let further = factory.path("further");
    fs::create_dir_all(further.join("below/.staging")).unwrap();
    let image = fs::read(factory.path("fleet/images/a.bin")).unwrap();
    for (name, content) in [
        ("below/theirs.bin", fs::read(foreign.path("fleet/images/theirs.bin")).unwrap()),
        ("below/theirs.cert.pem", fs::read(foreign.path("fleet/images/theirs.cert.pem")).unwrap()),
        ("theirs.crl", fs::read(foreign.path("fleet/crl/device-ca.crl")).unwrap()),
        ("half.bin", image[..image.len() / 2].to_vec()),
        ("empty.uf2", Vec::new()),
        ("long.der", vec![0; 1 << 20]),
        ("nonsense.hex", b":00000000".to_vec()),
        ("half.crl", b"-----BEGIN X509 CRL-----\n".to_vec()),
        // Neither is of interest.
        ("below/.staging/hidden.bin", b"".to_vec()),
        ("letter.txt", b"Dear engineer".to_vec()),
    ] {
        fs::write(further.join(name), content).unwrap();
    }
    let pipe = std::process::Command::new("mkfifo").arg(further.join("pipe.pem")).status();
    assert!(pipe.unwrap().success());
    std::os::unix::fs::symlink("below", further.join("round.pem")).unwrap();
    let before = tree(&further);

    let done = factory.json("reconcile --images further --certs further");
    let left: Vec<_> =
        done["left"].as_array().unwrap().iter().map(|left| left["path"].as_str().unwrap()).collect();
    for name in [
        "below/theirs.bin",
        "below/theirs.cert.pem",
        "theirs.crl",
        "half.bin",
        "empty.uf2",
        "long.der",
        "nonsense.hex",
        "half.crl",
        "pipe.pem",
        "round.pem",
    ] {
        assert!(left.contains(&format!("further/{name}").as_str()), "{name} is not named: {left:?}");
    }
    assert!(!left.iter().any(|path| path.contains("hidden") || path.contains("letter")), "{left:?}");
    assert_eq!(tree(&further), before);
    factory.run("show theirs").exited(4);
    factory.run("reconcile --certs nowhere").exited(3).says("nowhere");
}

#[test]
fn lists_and_certificates_of_other_hosts_are_read_where_they_are_named() {
    let factory = Factory::quick();
    factory.run("issue a b --format pem").succeeded();
    factory.run("suspend b").succeeded();
    factory.run("export-broker --out host-1").succeeded();
    factory.run("resume b").succeeded();
    factory.run("revoke a").succeeded();
    factory.run("export-broker --out host-2").succeeded();
    fs::rename(factory.path("fleet/images"), factory.path("station")).unwrap();
    fs::remove_file(factory.path("fleet/registry.db")).unwrap();
    fs::remove_dir_all(factory.path("fleet/crl")).unwrap();
    fs::create_dir(factory.path("fleet/crl")).unwrap();
    let done = factory.json("reconcile --certs host-1 --images station --certs host-2");
    assert_eq!((count(&done, "lists"), count(&done, "adopted")), (4, 3));
    // The hold is in the older list alone: it was ended.
    assert_eq!(
        (factory.statuses("a").concat(), factory.statuses("b").concat()),
        ("revoked".into(), "active".into())
    );
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 1);
}

#[test]
fn a_certificate_that_somebody_else_made_with_the_key_does_not_fit_and_is_told() {
    let factory = Factory::quick();
    factory.request("odd", "Not~A~Device", "");
    factory.write("pass", PASSPHRASE);
    factory
        .openssl(
            "x509 -req -in odd.csr -CA fleet/device-ca/issuing.pem -CAkey fleet/device-ca/issuing.key \
             -passin file:pass -days 9 -set_serial 0x0102030405060708090a0b0c0d0e0f10 -out fleet/images/odd.cert.pem",
        )
        .succeeded();
    factory.run("issue good --format pem").succeeded();
    factory.run("reconcile").exited(5).says("odd.cert.pem").says("Not~A~Device");
    factory.run("show 0102030405060708090a0b0c0d0e0f10").exited(4);
}

#[test]
fn a_rebuilt_registry_is_whole_or_absent_however_early_its_maker_is_killed() {
    let factory = without_a_registry();
    for milliseconds in (0..).map(|step| step * 4) {
        let mut child =
            factory.command("reconcile").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        let ended = child.wait().unwrap().success();
        if factory.path("fleet/registry.db").exists() {
            let statuses =
                ["good", "stolen", "lent", "historian"].map(|name| factory.statuses(name).concat());
            assert_eq!(statuses, ["active", "revoked", "suspended", "active"], "{milliseconds} ms");
            fs::remove_file(factory.path("fleet/registry.db")).unwrap();
        }
        if ended {
            break;
        }
    }
    factory.run("reconcile").succeeded();
    assert!(!factory.path("fleet/.registry.db.draft").exists());
}
