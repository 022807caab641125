//! What a published list holds is compared with the registry before it is replaced.

use std::fs;
use std::path::Path;

use crate::factory::Factory;

const LIST: &str = "fleet/crl/device-ca.crl";

/// Copies the registry as a backup does.
pub(crate) fn back_up(factory: &Factory) {
    let _ = fs::remove_file(factory.path("backup.db"));
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry.execute("VACUUM INTO ?1", [factory.path("backup.db").to_str().unwrap()]).unwrap();
}

/// Puts that copy back.
pub(crate) fn restore(factory: &Factory) {
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(factory.path(&format!("fleet/registry.db{suffix}")));
    }
    fs::copy(factory.path("backup.db"), factory.path("fleet/registry.db")).unwrap();
}

#[test]
fn a_registry_from_a_backup_loses_no_revocation_that_was_published() {
    let factory = Factory::new();
    factory.run("issue old lent worse free").succeeded();
    factory.run("suspend worse").succeeded();
    factory.run("suspend free").succeeded();
    back_up(&factory);
    factory.run("issue new").succeeded();
    let new = factory.serial("new");
    for command in ["revoke old --reason keyCompromise", "suspend lent", "revoke worse", "revoke new"] {
        factory.run(command).succeeded();
    }
    let before = factory.listed("device-ca");
    assert_eq!(before.len(), 5);

    restore(&factory);
    let output = factory.run("crl").exited(5).says("the registry lacked").says("reconcile");
    assert!(
        output.stderr.contains(&new) && output.stderr.contains("(old, keyCompromise)"),
        "{}",
        output.stderr
    );
    assert!(output.stdout.contains("published"), "{}", output.stdout);
    assert_eq!(factory.listed("device-ca"), before);
    let statuses = ["old", "lent", "worse"].map(|name| factory.statuses(name).remove(0));
    assert_eq!(statuses, ["revoked", "suspended", "revoked"]);
    // From now on the registry has them.
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), before);
}

#[test]
fn a_revocation_after_a_restore_is_published_first_and_then_warns() {
    let factory = Factory::new();
    factory.run("issue a b").succeeded();
    back_up(&factory);
    factory.run("revoke a").succeeded();
    restore(&factory);
    let output = factory.run("revoke b").succeeded().says("warning: the published list held 1 entry");
    assert!(output.stdout.contains("published"), "{}", output.stdout);
    assert_eq!(factory.listed("device-ca").len(), 2);
}

#[test]
fn a_hold_leaves_a_list_early_only_by_a_resumption_on_record() {
    let factory = Factory::new();
    factory.run("issue a").succeeded();
    factory.run("suspend a").succeeded();
    factory.run("resume a").succeeded();
    back_up(&factory);
    factory.run("suspend a").succeeded();
    restore(&factory);
    // The resumption that the backup has is of the suspension before.
    factory.run("crl").exited(5);
    assert_eq!(factory.listed("device-ca").len(), 1);
    assert_eq!(factory.statuses("a"), ["suspended"]);
    factory.run("resume a").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 0);

    // Ended at once, although the registry knows nothing of the suspension yet.
    back_up(&factory);
    factory.run("suspend a").succeeded();
    restore(&factory);
    factory.run("resume a").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 0);
    assert_eq!(factory.statuses("a"), ["active"]);

    // Killed between the registry and the list: the record is enough.
    factory.run("suspend a").succeeded();
    let list = fs::read(factory.path(LIST)).unwrap();
    factory.run("resume a").succeeded();
    fs::write(factory.path(LIST), list).unwrap();
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 0);
}

#[test]
fn what_is_no_list_of_this_fleet_is_set_aside_and_stops_no_revocation() {
    type Plant = fn(&Factory, &Path);
    let plants: [(&str, Plant); 7] = [
        ("an empty file", |_, path| fs::write(path, "").unwrap()),
        ("half a list", |_, path| {
            let list = fs::read(path).unwrap();
            fs::write(path, &list[..list.len() / 2]).unwrap();
        }),
        ("a list of another fleet", |factory, path| {
            fs::copy(factory.path("foreign.crl"), path).unwrap();
        }),
        ("the list of another CA of this fleet", |factory, path| {
            fs::copy(factory.path("fleet/crl/service-ca.crl"), path).unwrap();
        }),
        ("a directory", |_, path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("a pipe", |factory, path| {
            fs::remove_file(path).unwrap();
            let made = std::process::Command::new("mkfifo").arg(path).current_dir(factory.path(".")).status();
            assert!(made.unwrap().success());
        }),
        ("a link to nothing", |_, path| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("nothing", path).unwrap();
        }),
    ];
    let fleet = Factory::new();
    fleet.run("issue a b").succeeded();
    fleet.run("revoke b").succeeded();
    let foreign = Factory::new();
    for (what, plant) in plants {
        let factory = fleet.twin();
        fs::copy(foreign.path(LIST), factory.path("foreign.crl")).unwrap();
        plant(&factory, &factory.path(LIST));
        factory
            .run("revoke a")
            .succeeded()
            .says("was no list of this fleet")
            .says("set-aside/device-ca.crl.1");
        assert_eq!(factory.listed("device-ca").len(), 2, "{what}");
        assert_eq!(factory.files("fleet/crl/set-aside"), ["device-ca.crl.1"], "{what}");
    }
}

#[test]
fn what_was_set_aside_is_named_though_the_command_fails_or_signs_nothing() {
    let fleet = Factory::new();
    fleet.run("issue a").succeeded();
    let factory = fleet.twin();
    factory.run("revoke a").succeeded();
    fs::write(factory.path(LIST), "no list").unwrap();
    factory
        .run("resume a")
        .exited(5)
        .says("device-ca.crl was no list of this fleet")
        .says("a revocation is for good");
    let factory = fleet.twin();
    let now = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["this_update"].clone();
    fs::write(factory.path(LIST), "no list").unwrap();
    factory
        .run(&format!("clock accept --now {}", now.as_str().unwrap()))
        .succeeded()
        .says("device-ca.crl was no list of this fleet");
}

#[test]
fn a_certificate_the_registry_lost_is_revoked_by_its_file() {
    let factory = Factory::new();
    factory.run("issue known").succeeded();
    factory.run("service kept").succeeded();
    back_up(&factory);
    factory.run("issue lost other --format pem").succeeded();
    factory.run("service gone").succeeded();
    factory.run("service kept --renew").succeeded();
    fs::copy(factory.path("fleet/services/kept.cert.pem"), factory.path("renewed.pem")).unwrap();
    factory.openssl("x509 -in fleet/images/other.cert.pem -outform DER -out other.der").succeeded();
    restore(&factory);

    factory.run("show lost").exited(4);
    let lost = factory.openssl("x509 -in fleet/images/lost.cert.pem -noout -serial").succeeded().stdout;
    let lost = lost.trim().strip_prefix("serial=").unwrap().to_lowercase();
    for file in ["fleet/images/lost.cert.pem", "other.der", "fleet/services/gone.cert.pem", "renewed.pem"] {
        factory.run(&format!("revoke --cert {file} --reason keyCompromise")).succeeded();
        factory.run(&format!("revoke --cert {file}")).succeeded();
    }
    assert_eq!(factory.statuses("lost"), ["revoked"]);
    assert_eq!(factory.serial("lost"), lost);
    assert_eq!(factory.statuses("other"), ["revoked"]);
    assert_eq!(factory.statuses("gone"), ["revoked"]);
    assert_eq!(factory.statuses("kept"), ["revoked", "active"]);
    assert_eq!(factory.openssl_verdict("fleet/images/lost.cert.pem"), "certificate revoked");
    assert_eq!(factory.listed("device-ca").len(), 2);
    assert_eq!(factory.listed("service-ca").len(), 2);
    factory.run("crl").succeeded();
}

#[test]
fn a_file_that_this_fleet_did_not_sign_revokes_nothing() {
    let (factory, foreign) = (Factory::new(), Factory::new());
    factory.run("issue a --format pem").succeeded();
    foreign.run("issue a --format pem").succeeded();
    fs::copy(foreign.path("fleet/images/a.cert.pem"), factory.path("foreign.pem")).unwrap();
    let mut changed = fs::read_to_string(factory.path("fleet/images/a.cert.pem")).unwrap();
    let end = changed.find("-----END").unwrap();
    changed.replace_range(end - 12..end - 11, if &changed[end - 12..end - 11] == "A" { "B" } else { "A" });
    factory.write("changed.pem", changed);
    factory.write("nonsense.pem", "nonsense");
    factory.write("empty.pem", "");
    for file in ["foreign.pem", "changed.pem", "nonsense.pem", "empty.pem", "fleet/device-ca/root.pem"] {
        factory
            .run(&format!("revoke --cert {file}"))
            .exited(3)
            .says("no certificate that a CA of this fleet signed");
    }
    factory.run("revoke --cert fleet/broker/cert.pem").exited(3).says("is the broker's");
    factory.run("revoke --cert fleet/images/a.cert.pem").succeeded();
    assert_eq!(factory.statuses("a"), ["revoked"]);
}
