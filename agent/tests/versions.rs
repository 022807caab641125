//! README's table of versions, against what is built.

use std::path::Path;

/// The lines of a table row: the crate between backticks, and its version.
fn rows(readme: &str) -> Vec<(String, String)> {
    let (_, table) = readme.split_once("| crate | version |").expect("README has a table of versions");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`').to_owned();
        (name, cells.next().unwrap().to_owned())
    })
    .collect()
}

/// The versions of a crate in the lock file.
fn locked(lock: &str, name: &str) -> Vec<String> {
    let key = format!("name = \"{name}\"\nversion = \"");
    lock.match_indices(&key)
        .filter_map(|(at, _)| lock[at + key.len()..].split('"').next().map(str::to_owned))
        .collect()
}

#[test]
fn readme_names_the_versions_that_are_built() {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(agent.join(path)).unwrap();
    let (readme, lock) = (read("README.md"), read("../Cargo.lock"));
    let rows = rows(&readme);
    for needed in [
        "embedded-io-async",
        "embedded-storage-async",
        "rand_core",
        "embassy-futures",
        "embedded-tls",
        "p256",
    ] {
        assert!(rows.iter().any(|(name, _)| name == needed), "{needed} is not in the table");
    }
    for (name, version) in rows.iter().filter(|(name, _)| name != "embassy-net") {
        let locked = locked(&lock, name);
        // A version as Cargo reads it: 0.7 is every 0.7.x.
        let is_it = |found: &String| found == version || found.starts_with(&format!("{version}."));
        assert!(locked.iter().any(is_it), "README says {name} {version}, Cargo.lock {locked:?}");
    }
    // Of rand_core there are several; what firmware sees is the one that the agent's traits are of.
    let p256 =
        lock.split("[[package]]").find(|package| package.contains("name = \"elliptic-curve\"")).unwrap();
    let (_, ours) = rows.iter().find(|(name, _)| name == "rand_core").unwrap();
    assert!(p256.contains(&format!("\"rand_core {ours}")), "{p256}");
}
