//! Replacing keeps the owner, the group, the mode and the kind of a file; and what root makes in another's fleet is the
//! other's. Root runs these tests.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::factory::{CommandOutput, Factory, tree};

/// The user and the group that a broker runs as.
const BROKER: (u32, u32) = (1000, 1001);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn set(path: &Path, (user, group): (u32, u32), mode: u32) {
    chown(path, Some(user), Some(group)).expect("root runs this");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Lets other users reach the factory's directory.
fn open_to_others(factory: &Factory) {
    fs::set_permissions(factory.path("."), fs::Permissions::from_mode(0o755)).unwrap();
}

fn as_user(factory: &Factory, (user, group): (u32, u32), arguments: &str) -> CommandOutput {
    CommandOutput::of(factory.command(arguments).uid(user).gid(group).output().unwrap())
}

#[test]
fn every_file_of_a_broker_stays_the_brokers() {
    let factory = Factory::new();
    open_to_others(&factory);
    factory.run("issue dev-1").succeeded();
    factory.run("export-broker --out broker").succeeded();
    let root = factory.path("broker");
    for (at, file) in tree(&root).iter().enumerate() {
        // Each of the modes that brokers use, for one file or another.
        set(&root.join(file), BROKER, [0o640, 0o600, 0o440, 0o644][at % 4]);
    }
    let before: Vec<_> = tree(&root).iter().map(|file| (file.clone(), mode(&root.join(file)))).collect();
    factory.run("revoke dev-1").succeeded();
    factory.run("broker-cert").succeeded();
    factory.run("export-broker --out broker").succeeded();
    for (file, mode_before) in before {
        let metadata = fs::metadata(root.join(&file)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), BROKER, "{}", file.display());
        // A key that everybody could read is its group's from now on.
        let expected = if file.ends_with("key.pem") { mode_before & !0o007 } else { mode_before };
        assert_eq!(metadata.mode() & 0o7777, expected, "{}", file.display());
    }
    for file in ["crl/device-ca.crl", "broker/cert.pem", "broker/key.pem"] {
        let (new, own) =
            (fs::read(root.join(file)).unwrap(), fs::read(factory.path("fleet").join(file)).unwrap());
        assert!(new == own, "{file} is the old one");
    }
}

#[test]
fn lists_and_keys_of_the_fleet_itself_stay_whose_they_are() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    let files = ["crl/device-ca.crl", "crl/service-ca.crl", "broker/key.pem", "services/historian.key.pem"];
    for file in files {
        set(&factory.path("fleet").join(file), BROKER, 0o640);
    }
    let before = files.map(|file| fs::read(factory.path("fleet").join(file)).unwrap());
    let certificates = ["broker/cert.pem", "services/historian.cert.pem", "services/historian.ca.pem"];
    for file in certificates {
        set(&factory.path("fleet").join(file), BROKER, 0o644);
    }
    factory.run("crl").succeeded();
    factory.run("broker-cert").succeeded();
    factory.run("service historian --renew").succeeded();
    for file in certificates {
        assert_eq!(mode(&factory.path("fleet").join(file)), 0o644, "{file} is no secret");
    }
    for (file, before) in files.into_iter().zip(before) {
        let path = factory.path("fleet").join(file);
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (1000, 1001, 0o640), "{file}");
        assert!(fs::read(path).unwrap() != before, "{file} is the old one");
    }
}

#[test]
fn a_link_stays_a_link_and_what_it_names_is_replaced() {
    let factory = Factory::new();
    fs::create_dir(factory.path("etc")).unwrap();
    let elsewhere = factory.write("etc/device.crl", "");
    set(&elsewhere, BROKER, 0o644);
    let published = factory.path("fleet/crl/device-ca.crl");
    fs::remove_file(&published).unwrap();
    symlink("../../etc/second", &published).unwrap();
    symlink("device.crl", factory.path("etc/second")).unwrap();
    factory.run("crl").succeeded();
    assert!(published.is_symlink() && factory.path("etc/second").is_symlink());
    assert!(fs::read_to_string(&elsewhere).unwrap().starts_with("-----BEGIN X509 CRL"));
    assert_eq!(fs::metadata(&elsewhere).unwrap().uid(), BROKER.0);
    // A link to nothing yet.
    symlink("etc/later", factory.path("all.crl")).unwrap();
    factory.run("crl --out all.crl").succeeded();
    assert!(factory.path("all.crl").is_symlink() && factory.path("etc/later").is_file());
    assert_eq!(factory.files("etc"), ["device.crl", "later", "second"]);
}

#[test]
fn a_list_whose_owner_cannot_be_kept_is_rewritten_in_place_and_that_is_said() {
    let factory = Factory::new();
    open_to_others(&factory);
    let user = (1000, 1000);
    factory.run("issue dev-1").succeeded();
    factory.run("export-broker --out broker").succeeded();
    for path in tree(&factory.path(".")) {
        chown(factory.path(".").join(&path), Some(1000), Some(1000)).unwrap();
    }
    for directory in ["fleet", "fleet/crl", "fleet/device-ca", "fleet/service-ca", "broker", "broker/crl"] {
        chown(factory.path(directory), Some(1000), Some(1000)).unwrap();
    }
    let list = factory.path("broker/crl/device-ca.crl");
    let before = fs::read(&list).unwrap();
    // Root's file, which the user may write; once in a directory of the user's, once in one that is closed to new files.
    set(&list, (0, 1000), 0o664);
    let inode = fs::metadata(&list).unwrap().ino();
    for directory_mode in [0o755, 0o555] {
        fs::set_permissions(factory.path("broker/crl"), fs::Permissions::from_mode(directory_mode)).unwrap();
        as_user(&factory, user, "revoke dev-1").succeeded();
        as_user(&factory, user, "export-broker --out broker --crl-only")
            .succeeded()
            .says("note: broker/crl/device-ca.crl was rewritten where it is");
        let metadata = fs::metadata(&list).unwrap();
        assert_eq!((metadata.ino(), metadata.uid(), metadata.mode() & 0o777), (inode, 0, 0o664));
        let new = fs::read(&list).unwrap();
        assert!(new != before && new == fs::read(factory.path("fleet/crl/device-ca.crl")).unwrap());
    }
}

#[test]
fn a_list_replaces_nothing_but_an_empty_file_or_a_list() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format bin,pem").succeeded();
    factory.run("crl --out all.crl").succeeded();
    let list = fs::read(factory.path("all.crl")).unwrap();
    let mut mixed = list.clone();
    mixed.extend(fs::read(factory.path("fleet/images/dev-1.key.pem")).unwrap());
    factory.write("mixed.pem", mixed);
    factory.write("notes.txt", "-----BEGIN is how PEM begins\n");
    symlink("fleet/device-ca/root.key", factory.path("link")).unwrap();
    for file in [
        "fleet/device-ca/issuing.key",
        "fleet/device-ca/issuing.pem",
        "fleet/images/dev-1.bin",
        "fleet/registry.db",
        "mixed.pem",
        "notes.txt",
        "link",
    ] {
        let before = fs::read(factory.path(file)).unwrap();
        let published = fs::read(factory.path("fleet/crl/device-ca.crl")).unwrap();
        factory
            .run(&format!("crl --out {file}"))
            .exited(5)
            .says(&format!("error: {file} is there already, and is no CRL"));
        assert_eq!(fs::read(factory.path(file)).unwrap(), before, "{file}");
        assert_eq!(
            fs::read(factory.path("fleet/crl/device-ca.crl")).unwrap(),
            published,
            "it published first"
        );
    }
    factory.write("empty.crl", "");
    factory.openssl("crl -in fleet/crl/device-ca.crl -outform DER -out der.crl").succeeded();
    for file in ["empty.crl", "der.crl", "all.crl", "new.crl"] {
        factory.run(&format!("crl --out {file}")).succeeded();
        factory.openssl(&format!("crl -in {file} -noout")).succeeded();
    }
}

#[test]
fn a_list_goes_to_the_output_a_pipe_or_a_device_as_it_is() {
    let factory = Factory::new();
    // A pipe, and a file that the shell opened: nothing but the lists is in either.
    let piped = factory.run("crl --out /dev/stdout").succeeded();
    let file = fs::File::create(factory.path("opened")).unwrap();
    let status = factory.command("crl --out /dev/stdout").stdout(file).status().unwrap();
    assert!(status.success());
    for text in [piped.stdout, fs::read_to_string(factory.path("opened")).unwrap()] {
        assert_eq!(text.matches("-----BEGIN X509 CRL-----").count(), 2, "{text}");
        assert!(text.starts_with("-----BEGIN") && text.ends_with("-----END X509 CRL-----\n"), "{text}");
    }
    factory.run("crl --out /dev/null").succeeded();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    factory.run("crl --out /dev/full").exited(1).says("cannot write /dev/full");

    let status = std::process::Command::new("mkfifo").arg(factory.path("pipe")).status().unwrap();
    assert!(status.success());
    let mut writer = factory.command("crl --out pipe").stdout(Stdio::null()).spawn().unwrap();
    // Nobody reads the pipe yet, and no other command waits for that.
    factory.run("--lock-timeout 20 crl").succeeded();
    let mut text = String::new();
    fs::File::open(factory.path("pipe")).unwrap().read_to_string(&mut text).unwrap();
    assert!(writer.wait().unwrap().success());
    assert!(text.starts_with("-----BEGIN X509 CRL-----"), "{text}");
    assert!(!fs::metadata(factory.path("pipe")).unwrap().is_file());
}

#[test]
fn what_root_makes_in_the_fleet_of_another_is_the_others() {
    let factory = Factory::new();
    open_to_others(&factory);
    let owner = (1000, 1001);
    let status =
        std::process::Command::new("chown").args(["-R", "1000:1001"]).arg(factory.path("fleet")).status();
    assert!(status.unwrap().success());
    for command in [
        "issue dev-1 dev-2 --format bin,pem",
        "service historian",
        "revoke dev-1",
        "broker-cert",
        "crl",
        "list",
    ] {
        factory.run(command).succeeded();
        for path in tree(&factory.path("fleet")) {
            let metadata = fs::metadata(factory.path("fleet").join(&path)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), owner, "{} after {command}", path.display());
        }
    }
    fs::create_dir(factory.path("shelf")).unwrap();
    chown(factory.path("shelf"), Some(1000), Some(1001)).unwrap();
    factory.run("issue dev-3 --out shelf/monday/night").succeeded();
    for path in ["shelf/monday", "shelf/monday/night", "shelf/monday/night/dev-3.bin"] {
        assert_eq!(fs::metadata(factory.path(path)).unwrap().uid(), owner.0, "{path}");
    }
    // The owner goes on as if nothing had been.
    for command in ["issue dev-4", "revoke dev-2", "service historian --renew", "crl", "list"] {
        as_user(&factory, owner, command).succeeded();
    }
}

#[test]
fn a_configuration_that_was_edited_stays_and_gets_the_new_one_beside_it() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    for (arguments, file) in [("", "broker.toml"), (" --for mosquitto", "mosquitto.conf")] {
        let export = format!("export-broker --out broker{arguments}");
        factory.run(&export).succeeded();
        let path = factory.path("broker").join(file);
        let written = fs::read_to_string(&path).unwrap();
        let edited = written.clone() + "# ours\n";
        fs::write(&path, &edited).unwrap();
        factory.run("crl").succeeded();
        factory
            .run(&export)
            .exited(5)
            .says(&format!("error: broker/{file} differs from what this program writes, and was left alone"))
            .says("--crl-only");
        assert_eq!(fs::read_to_string(&path).unwrap(), edited);
        assert_eq!(fs::read_to_string(factory.path(&format!("broker/{file}.new"))).unwrap(), written);
        let list = |root: &str| fs::read(factory.path(root).join("crl/device-ca.crl")).unwrap();
        assert_eq!(list("broker"), list("fleet"), "the list is never left stale");
        // From day to day.
        factory.run("crl").succeeded();
        let daily = factory.json("export-broker --out broker --crl-only");
        assert_eq!(daily["files"], serde_json::json!(["crl/device-ca.crl", "crl/service-ca.crl"]));
        assert_eq!(list("broker"), list("fleet"));
        fs::write(&path, written).unwrap();
    }
    // What a version of ours wrote for another port or path is nobody's edit.
    let path = factory.path("broker/broker.toml");
    let other = fs::read_to_string(&path).unwrap().replace("0.0.0.0:8883", "0.0.0.0:18883");
    fs::write(&path, other).unwrap();
    factory.run("export-broker --out broker --for mosquitto --installed-in /etc/elsewhere").succeeded();
    assert!(fs::read_to_string(&path).unwrap().contains("0.0.0.0:8883"));
    assert!(
        fs::read_to_string(factory.path("broker/mosquitto.conf")).unwrap().contains("/etc/elsewhere/broker")
    );
}
