//! Orders that are delivered to a stick: a real exFAT, which has no case, no `:` in names, and over FUSE no rename that
//! replaces nothing.

use std::process::{Command, Stdio};

use crate::factory::{CommandOutput, Factory};

/// Mounts the stick at `stick`, by the kernel or over FUSE, for as long as a command runs.
const WITH_STICK: &str = r#"
device=$(losetup --find --show stick.img)
trap 'umount stick; losetup --detach "$device"' EXIT
mount -t exfat "$device" stick 2>/dev/null || mount.exfat-fuse "$device" stick >/dev/null
"$@"
"#;

/// Whether this machine lets its root mount at all; a container may not. What the fake file system of the unit tests does
/// not show is then left unproven, which is said.
fn may_mount() -> bool {
    let mounted = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let loops = Command::new("losetup").arg("--find").output();
    let may = [mounted, loops].into_iter().all(|output| output.is_ok_and(|output| output.status.success()));
    if !may {
        eprintln!("NOT TESTED: nothing can be mounted here, so no order was delivered to an exFAT");
    }
    may
}

/// A fleet and an empty stick; nothing where nothing can be mounted.
fn with_stick() -> Option<Factory> {
    if !may_mount() {
        return None;
    }
    let factory = Factory::new();
    std::fs::create_dir(factory.path("stick")).unwrap();
    std::fs::File::create(factory.path("stick.img")).unwrap().set_len(16 << 20).unwrap();
    let made =
        Command::new("mkfs.exfat").arg(factory.path("stick.img")).output().expect("mkfs.exfat (exfatprogs)");
    assert!(made.status.success(), "{made:?}");
    Some(factory)
}

/// Runs a shell command beside the mounted stick.
fn beside_stick(factory: &Factory, command: &str) -> CommandOutput {
    let program = factory.command("");
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "bash", "-ec", WITH_STICK, "-", "bash", "-c"]);
    shell.arg(command.replace("countersign-provision", env!("CARGO_BIN_EXE_countersign-provision")));
    shell.current_dir(factory.path(".")).stdin(Stdio::null());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    CommandOutput::of(shell.output().expect("unshare is installed (util-linux)"))
}

#[test]
fn an_order_goes_to_a_stick_and_is_done_when_it_is_run_again() {
    let Some(factory) = with_stick() else { return };
    let issue =
        "countersign-provision issue Pump-1 pump-2 --format bin,pem,uf2 --address 0x10000000 --out stick";
    let said = |command: &str| beside_stick(&factory, command).succeeded().stdout;
    assert!(said(issue).starts_with("issued 2"));
    factory.write("order.csv", "device_id\nPump-3\n");
    let order = "countersign-provision issue --order order.csv --out stick";
    assert!(said(order).starts_with("issued 1"));
    assert!(said(order).contains("1 registered already"));
    let listed = said("ls -A stick");
    let names: Vec<_> = listed.lines().collect();
    for name in ["Pump-1.bin", "Pump-1.cert.pem", "Pump-1.key.pem", "Pump-1.uf2", "pump-2.bin", "Pump-3.bin"]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!names.contains(&".staging"), "{names:?}");
}

#[test]
fn a_name_that_is_another_in_case_alone_is_taken_on_a_stick_and_nothing_is_made() {
    let Some(factory) = with_stick() else { return };
    factory.write("order.csv", "device_id\nvalve-1\npump-1\n");
    let output = beside_stick(
        &factory,
        "echo mine > stick/PUMP-1.BIN; countersign-provision issue --order order.csv --out stick",
    );
    output.exited(5).says("stick/pump-1.bin exists already");
    assert_eq!(beside_stick(&factory, "cat stick/PUMP-1.BIN").succeeded().stdout, "mine\n");
    assert_eq!(factory.json("list").as_array().unwrap().len(), 0, "not even the first");
    assert_eq!(beside_stick(&factory, "ls -A stick").succeeded().stdout.trim(), "PUMP-1.BIN");
}

#[test]
fn a_name_that_a_stick_cannot_hold_is_said_before_anything_is_made() {
    let Some(factory) = with_stick() else { return };
    // More than a group, so that a refusal at its turn would come after others.
    let many: String = (0..300).map(|number| format!("pump-{number}\n")).collect();
    factory.write("order.csv", format!("device_id\n{many}00:1a:2b\n"));
    beside_stick(&factory, "countersign-provision issue --order order.csv --out stick")
        .exited(1)
        .says("stick cannot hold a file called 00:1a:2b.bin")
        .says("choose another --out");
    assert_eq!(factory.json("list").as_array().unwrap().len(), 0);
    assert_eq!(beside_stick(&factory, "ls -A stick").succeeded().stdout.trim(), "");
    factory.run("issue 00:1a:2b").succeeded();
}
