//! The same device again, with another key and certificate: a repaired board, a lost image, a wrong revocation.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::{Command, Stdio};

use crate::factory::{CommandOutput, Factory};
use crate::kill::use_fast_key_derivation;

/// The file holds the key of the newest certificate, for its owner alone, and OpenSSL accepts the certificate.
fn check_files(factory: &Factory, device: &str) {
    let key = factory.openssl(&format!("pkey -in fleet/images/{device}.key.pem -pubout")).succeeded().stdout;
    let certificate = format!("fleet/images/{device}.cert.pem");
    let certified = factory.openssl(&format!("x509 -in {certificate} -noout -pubkey")).succeeded().stdout;
    assert_eq!(key, certified);
    assert_eq!(factory.openssl_verdict(&certificate), "OK");
    let image = factory.json(&format!("inspect fleet/images/{device}.bin"));
    assert_eq!(image["certificate"]["serial"].as_str().unwrap(), factory.serial(device));
    for ending in ["bin", "key.pem", "cert.pem"] {
        let found = fs::metadata(factory.path(&format!("fleet/images/{device}.{ending}"))).unwrap();
        assert_eq!(found.mode() & 0o777, 0o600, "{ending}");
    }
    assert!(!factory.path("fleet/images/.staging").exists());
}

#[test]
fn a_replaced_device_has_new_files_and_its_old_certificate_is_on_the_list_by_its_reason() {
    let factory = Factory::new();
    for (reason, status) in [
        ("superseded", "superseded"),
        ("keyCompromise", "revoked"),
        ("cessationOfOperation", "revoked"),
        ("unspecified", "revoked"),
        ("privilegeWithdrawn", "revoked"),
    ] {
        let device = format!("of-{reason}");
        factory.run(&format!("issue {device} --format bin,pem")).succeeded();
        let old = factory.serial(&device);
        fs::copy(factory.path(&format!("fleet/images/{device}.cert.pem")), factory.path("old.pem")).unwrap();
        let done = factory.json(&format!("issue {device} --format bin,pem --replace --reason {reason}"));
        assert_eq!(done["replaced"][0]["serial"], old.as_str());
        assert_eq!(done["crls"][0]["authority"], "device-ca");
        assert_eq!(factory.statuses(&device), ["active", status]);
        assert!(factory.listed("device-ca").contains(&(old.clone(), reason.to_owned())));
        assert_eq!(factory.openssl_verdict("old.pem"), "certificate revoked");
        check_files(&factory, &device);
        let shown = factory.run(&format!("show {device}")).succeeded().stdout;
        assert!(shown.contains(&format!("{status} since ")) && shown.contains(reason), "{shown}");
    }
    // What the registry knows is nothing that it lacked, and stays on every later list.
    let listed = factory.listed("device-ca");
    factory.run("crl").succeeded();
    assert_eq!((factory.listed("device-ca"), listed.len()), (listed, 5));
}

#[test]
fn what_was_revoked_or_suspended_before_stays_so_and_comes_back_as_superseded_at_most() {
    let factory = Factory::new();
    factory.run("issue revoked suspended").succeeded();
    let (revoked, suspended) = (factory.serial("revoked"), factory.serial("suspended"));
    factory.run("revoke revoked --reason keyCompromise").succeeded();
    factory.run("suspend suspended").succeeded();
    for device in ["revoked", "suspended"] {
        factory.run(&format!("issue {device} --replace --reason cessationOfOperation")).succeeded();
        assert_eq!(factory.statuses(device), ["active", device]);
    }
    let mut expected = vec![
        (revoked.clone(), "keyCompromise".to_owned()),
        (suspended.clone(), "certificateHold".to_owned()),
    ];
    expected.sort();
    assert_eq!(factory.listed("device-ca"), expected);
    factory.run("resume suspended").succeeded();
    assert_eq!(factory.statuses("suspended"), ["active", "superseded"]);
    assert!(factory.listed("device-ca").contains(&(suspended.clone(), "superseded".to_owned())));
    // Suspending the device suspends what is not on the list for good.
    factory.run("suspend suspended").succeeded();
    assert_eq!(factory.statuses("suspended"), ["suspended", "superseded"]);
    factory.run("resume suspended").succeeded();
    assert_eq!(factory.statuses("suspended"), ["active", "superseded"]);
    factory.run("revoke suspended --reason keyCompromise").succeeded();
    assert_eq!(factory.statuses("suspended"), ["revoked", "revoked"]);
    assert!(factory.listed("device-ca").contains(&(suspended, "keyCompromise".to_owned())));
}

#[test]
fn an_overlap_delays_the_entry_and_no_clock_takes_it_off_again() {
    let factory = Factory::new();
    factory.run("issue a b c").succeeded();
    let (a, b, c) = (factory.serial("a"), factory.serial("b"), factory.serial("c"));
    factory.run("issue a --replace --reason superseded --overlap 7").succeeded();
    factory.run("issue b --replace --reason cessationOfOperation --overlap 7").succeeded();
    factory.run("issue c --replace --reason superseded --overlap 7").succeeded();
    factory.run("crl").succeeded();
    assert!(factory.listed("device-ca").is_empty());
    for device in ["a", "b", "c"] {
        assert_eq!(factory.statuses(device), ["active", "superseded"]);
    }
    assert!(factory.run("show a").succeeded().stdout.contains("superseded, on the list from "));
    factory.run("revoke c").succeeded();
    assert!(factory.listed("device-ca").contains(&(c, "unspecified".to_owned())));
    factory.run_at("+6d", "crl").succeeded();
    assert_eq!(factory.listed("device-ca").len(), 2);
    factory.run_at("+8d", "crl").succeeded();
    let listed = factory.listed("device-ca");
    assert!(listed.contains(&(a.clone(), "superseded".to_owned())));
    assert!(listed.contains(&(b, "cessationOfOperation".to_owned())));
    assert_eq!(factory.statuses("b"), ["active", "revoked"]);
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), listed);
    for reason in ["keyCompromise", "cACompromise", "aACompromise"] {
        factory
            .run(&format!("issue a --replace --reason {reason} --overlap 7"))
            .exited(2)
            .says("there is no overlap");
    }
    assert_eq!(factory.statuses("a").len(), 2);
}

#[test]
fn a_graver_reason_takes_what_an_overlap_had_left() {
    let factory = Factory::new();
    factory.run("issue a").succeeded();
    let first = factory.serial("a");
    factory.run("issue a --replace --reason superseded --overlap 30").succeeded();
    let second = factory.serial("a");
    factory.run("issue a --replace --reason keyCompromise").succeeded();
    assert_eq!(factory.statuses("a"), ["active", "revoked", "revoked"]);
    let mut expected = [first, second].map(|serial| (serial, "keyCompromise".to_owned())).to_vec();
    expected.sort();
    assert_eq!(factory.listed("device-ca"), expected);
}

#[test]
fn what_cannot_be_replaced_is_refused_and_nothing_is_made() {
    let factory = Factory::new();
    factory.run("issue a b").succeeded();
    factory.run("service historian").succeeded();
    factory.write("order.csv", "device_id\na\n");
    for (command, code, words) in [
        ("issue a --replace", 2, "--reason"),
        ("issue a --reason superseded", 2, "--replace"),
        ("issue a --replace --reason certificateHold", 2, "certificateHold"),
        ("issue a b --replace --reason superseded", 2, "one device id, and 2 were given"),
        ("issue --order order.csv --replace --reason superseded", 2, "--order"),
        ("issue c --replace --reason superseded", 4, "unknown: c"),
        ("issue historian --replace --reason superseded", 5, "is a service"),
    ] {
        factory.run(command).exited(code).says(words);
    }
    // Files that are not this device's.
    let image = factory.path("fleet/images/a.bin");
    fs::rename(&image, factory.path("a.bin")).unwrap();
    let other = fs::read(factory.path("fleet/images/b.bin")).unwrap();
    for (content, words) in [(other, "is of device b"), (b"notes".to_vec(), "is damaged")] {
        fs::write(&image, &content).unwrap();
        factory.run("issue a --replace --reason superseded").exited(5).says(words);
        assert_eq!(fs::read(&image).unwrap(), content);
        fs::remove_file(&image).unwrap();
    }
    symlink(factory.path("a.bin"), &image).unwrap();
    factory.run("issue a --replace --reason superseded").exited(5).says("is no file");
    assert_eq!(factory.statuses("a"), ["active"]);
    assert!(factory.listed("device-ca").is_empty());
    // A lost image is none of them.
    fs::remove_file(&image).unwrap();
    factory.run("issue a --replace --reason superseded").succeeded();
    assert_eq!(factory.statuses("a"), ["active", "superseded"]);
}

#[test]
fn a_device_with_a_key_of_its_own_is_replaced_by_another_request() {
    let factory = Factory::new();
    factory.run("issue pump").succeeded();
    let old = factory.serial("pump");
    factory.request("first", "pump", "");
    factory
        .run("sign --csr first.csr --replace --reason superseded")
        .succeeded()
        .says("fleet/images/pump.bin holds what was replaced");
    assert_eq!(factory.listed("device-ca"), [(old, "superseded".to_owned())]);
    assert_eq!(factory.openssl_verdict("fleet/images/pump.cert.pem"), "OK");
    factory.run("sign --csr first.csr --replace --reason superseded").exited(5).says("certified already");
    factory.request("second", "pump", "");
    factory.run("sign --csr second.csr --replace --reason keyCompromise").succeeded();
    assert_eq!(factory.statuses("pump"), ["active", "revoked", "revoked"]);
    assert_eq!(factory.json("show pump")["certificates"][0]["key_origin"], "device");
    factory.run("sign --csr first.csr --device-id nobody --replace --reason superseded").exited(4);
    factory.run("sign --csr first.csr --device-id pump --reason superseded").exited(2);
}

#[test]
fn a_list_that_cannot_be_published_is_said_and_the_device_has_its_files() {
    let factory = Factory::new();
    factory.run("issue pump --format bin,pem").succeeded();
    let old = factory.serial("pump");
    let read_only = "mount --bind fleet/crl fleet/crl && mount -o remount,ro,bind fleet/crl";
    factory
        .mounted(read_only, "issue pump --format bin,pem --replace --reason superseded")
        .exited(1)
        .says("run `countersign-provision crl`");
    check_files(&factory, "pump");
    assert_eq!(factory.statuses("pump"), ["active", "superseded"]);
    assert!(factory.listed("device-ca").is_empty());
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), [(old, "superseded".to_owned())]);
}

/// Runs a command that is killed as it enters the `count`-th system call of this name.
fn killed_at(factory: &Factory, call: &str, count: usize, arguments: &str) -> CommandOutput {
    let program = factory.command(arguments);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=SIGKILL:when={count}")]);
    command.arg(program.get_program()).args(program.get_args()).current_dir(factory.path("."));
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    CommandOutput::of(command.stdin(Stdio::null()).output().expect("strace is installed"))
}

#[test]
fn a_replacement_killed_at_any_step_and_run_again_leaves_one_certificate_and_the_others_listed() {
    let factory = Factory::new();
    use_fast_key_derivation(&factory);
    factory.run("issue dev --format bin,pem").succeeded();
    let replace = "issue dev --format bin,pem --replace --reason superseded";
    let active = || factory.statuses("dev").iter().filter(|status| *status == "active").count();
    let mut killed = 0;
    // Of the many writes of the registry, every fifth.
    let calls = ["fsync", "fdatasync", "rename", "unlink", "rmdir", "pwrite64"];
    for (call, step) in calls.map(|call| (call, if call == "pwrite64" { 5 } else { 1 })) {
        for count in (1..).step_by(step) {
            if killed_at(&factory, call, count, replace).code == 0 {
                break;
            }
            killed += 1;
            assert_eq!(active(), 1, "{call} {count}");
            factory.run(replace).succeeded();
            let serials = factory.json("show dev")["certificates"].as_array().unwrap().clone();
            assert_eq!(active(), 1, "{call} {count}");
            let listed = factory.listed("device-ca");
            for old in serials.iter().skip(1) {
                let entry = (old["serial"].as_str().unwrap().to_owned(), "superseded".to_owned());
                assert!(listed.contains(&entry), "{call} {count}: {entry:?} is not on the list");
            }
            assert_eq!(listed.len(), serials.len() - 1, "{call} {count}");
            check_files(&factory, "dev");
        }
    }
    assert!(killed > 15, "killed {killed} times only");
}

#[test]
fn a_service_whose_renewal_was_killed_before_it_was_recorded_is_renewed_by_the_next() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    let first = factory.serial("historian");
    let mut command = killed_at(&factory, "fsync", 1, "service historian --renew");
    assert_ne!(command.code, 0);
    command = factory.run("service historian --renew").succeeded();
    assert_ne!(factory.serial("historian"), first, "{}", command.stdout);
}
