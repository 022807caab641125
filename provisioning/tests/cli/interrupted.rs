//! Commands for single names that were interrupted between the registry's commit and their end, and are run again.

use std::fs;

use crate::factory::Factory;

/// Brings files back to where an interruption leaves them: staged, or with their names, and the directory open.
fn interrupt(factory: &Factory, directory: &str, name: &str, staged: &[&str]) {
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    let serial: Vec<u8> = registry
        .query_row("SELECT serial FROM certificate WHERE identity = ?1", [name], |row| row.get(0))
        .unwrap();
    let serial: String = serial.iter().map(|byte| format!("{byte:02x}")).collect();
    let directory = factory.path(directory);
    let staging = directory.join(".staging");
    fs::create_dir_all(&staging).unwrap();
    for file in staged {
        fs::rename(directory.join(file), staging.join(format!("{serial}.{file}"))).unwrap();
    }
    let root = factory.path("fleet").canonicalize().unwrap();
    let directory = directory.canonicalize().unwrap();
    let open = directory.strip_prefix(root).unwrap_or(&directory);
    registry.execute("INSERT OR IGNORE INTO output_directory VALUES (?1)", [open.to_str().unwrap()]).unwrap();
}

#[test]
fn a_command_that_was_interrupted_is_finished_and_one_that_had_ended_is_a_conflict() {
    let factory = Factory::new();
    factory.request("own", "x", "");
    for (command, directory, interrupted) in [
        ("issue dev-1 dev-2", "fleet/images", vec![("dev-2", vec!["dev-2.bin"])]),
        ("issue dev-3 dev-4 --format pem", "fleet/images", vec![("dev-3", vec![])]),
        ("issue dev-5 --out stick", "stick", vec![("dev-5", vec!["dev-5.bin"])]),
        ("sign --csr own.csr --device-id own", "fleet/images", vec![("own", vec!["own.cert.pem"])]),
        ("service historian", "fleet/services", vec![("historian", vec!["historian.key.pem"])]),
        ("service viewer", "fleet/services", vec![("viewer", vec![])]),
    ] {
        factory.run(command).succeeded();
        let whole = factory.files(directory);
        factory.run(command).exited(5);
        for (name, staged) in &interrupted {
            interrupt(&factory, directory, name, staged);
        }
        factory.run(command).succeeded();
        assert_eq!(factory.files(directory), whole, "{command}");
        factory.run(command).exited(5);
        assert_eq!(factory.files(directory), whole, "{command}");
    }
}

#[test]
fn an_interruption_of_one_command_finishes_no_other() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    factory.run("issue dev-2").succeeded();
    interrupt(&factory, "fleet/images", "dev-2", &["dev-2.bin"]);
    factory.run("issue dev-1").exited(5).says("dev-1 is registered already");
    assert_eq!(factory.files("fleet/images"), ["dev-1.bin", "dev-2.bin"]);
}
