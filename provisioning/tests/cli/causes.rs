//! What a person is told when the operating system refuses: the cause, and what to do about that cause.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;

use crate::factory::{CommandOutput, Factory};

/// A user who owns nothing here.
const STRANGER: u32 = 1000;

#[test]
fn a_full_file_system_is_named_and_so_is_one_that_holds_no_more_files() {
    let factory = Factory::new();
    fs::create_dir(factory.path("stick")).unwrap();
    for (options, words) in [
        ("size=4k", "stick (tmpfs) is full: make room there"),
        ("nr_inodes=1", "stick (tmpfs) holds as many files as it can"),
    ] {
        let output = factory.mounted(
            &format!("mount -t tmpfs -o {options} none stick"),
            "issue dev-1 dev-2 dev-3 --format bin,pem --out stick",
        );
        output
            .exited(1)
            .says("error: cannot write ")
            .says(&format!("help: {}", factory.path(words).display()));
    }
    // Nothing was half done.
    factory.run("issue dev-1 dev-2 dev-3").succeeded();
}

#[test]
fn a_read_only_file_system_is_named_by_where_it_is_mounted() {
    let factory = Factory::new();
    fs::create_dir(factory.path("my stick")).unwrap();
    for command in
        ["issue dev-1 --out my_stick/new", "crl --out my_stick/all.crl", "export-broker --out my_stick"]
    {
        symlink("my stick", factory.path("my_stick")).ok();
        let output = factory.mounted("mount -t tmpfs -o ro none 'my stick'", command);
        // A link to it does not hide it.
        output.exited(1).says("help: ").says("/my stick (tmpfs) is mounted read-only: mount it for writing");
    }
}

#[test]
fn the_right_that_is_missing_is_named_with_who_has_it() {
    let factory = Factory::new();
    let as_stranger = |arguments: &str| {
        CommandOutput::of(factory.command(arguments).uid(STRANGER).gid(STRANGER).output().unwrap())
    };
    fs::set_permissions(factory.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(factory.path("closed")).unwrap();
    fs::set_permissions(factory.path("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    let order = factory.write("closed/order.csv", "device_id\ndev-1\n");
    let request = factory.write("request.csr", "");
    fs::set_permissions(&request, fs::Permissions::from_mode(0o640)).unwrap();

    as_stranger(&format!("inspect {}", order.display()))
        .exited(3)
        .says("help: uid 1000 may not enter ")
        .says("/closed: it belongs to uid 0, gid 0, with mode 700");
    as_stranger("sign --csr request.csr")
        .exited(3)
        .says("uid 1000 may not read request.csr")
        .says("with mode 640");
    as_stranger("inspect closed/none").exited(3).says("may not enter closed");
    as_stranger("--fleet ./new init --organization Acme --broker-host b.example")
        .exited(1)
        .says("uid 1000 may not write in .: it belongs to uid 0");
}

#[test]
fn the_part_of_a_path_that_is_wrong_is_named() {
    let factory = Factory::new();
    factory.write("file", "");
    symlink("gone", factory.path("link")).unwrap();
    let long = "n".repeat(300);
    for (arguments, code, words) in [
        ("crl --out none/deeper/all.crl", 1, "there is no directory none: make it, or correct the path"),
        ("crl --out file/all.crl", 1, "file is no directory: correct the path"),
        ("crl --out fleet", 1, "fleet is a directory: give the path of a file"),
        ("issue --order none/monday.csv", 3, "there is no directory none"),
        ("inspect link", 3, "link is a link to gone, which does not exist"),
        ("issue --order fleet", 3, "fleet is a directory: give the path of a file"),
        ("inspect none", 3, "give the path of a file that is there"),
        (&format!("inspect {long}"), 3, "choose a shorter name"),
    ] {
        factory.run(arguments).exited(code).says("error: cannot ").says(&format!("help: {words}"));
    }
}

#[test]
fn a_registry_that_is_none_is_no_full_disk() {
    let factory = Factory::new();
    for content in ["nonsense, and long enough for a database's header; ".repeat(40), String::from("short")] {
        factory.write("fleet/registry.db", content);
        for side in ["fleet/registry.db-wal", "fleet/registry.db-shm"] {
            let _ = fs::remove_file(factory.path(side));
        }
        factory.run("list").exited(3).says("move registry.db away");
    }
}
