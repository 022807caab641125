//! Stores with one line wrong each, tried with the tests beside this file: none of them survives.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the store, what stands in it exactly once, and what a mutant has there.
type Mutation = (&'static str, &'static str, &'static str);

const MUTATIONS: [Mutation; 14] = [
    // A slot that is not erased before it is written.
    (
        "store.rs",
        "        self.erase(flash, slot).await.map_err(StoreError::Flash)?;\n        let start",
        "        let start",
    ),
    // A body before the record that says that no factory has written it.
    (
        "store.rs",
        "slot_state::open(flash, start, purpose, sequence).await?;\n            body.write(flash, start).await?;",
        "body.write(flash, start).await?;\n            slot_state::open(flash, start, purpose, sequence).await?;",
    ),
    // The key that was replaced is left.
    (
        "store.rs",
        "        self.erase(flash, slot.other()).await.map_err(StoreError::Flash)\n",
        "        Ok(())\n",
    ),
    // Of two that are confirmed, the older one stays.
    (
        "store.rs",
        "Some(if a > b { Slot::Second } else { Slot::First })",
        "Some(if a < b { Slot::Second } else { Slot::First })",
    ),
    // What a cut has left is not tidied up.
    ("store.rs", "if let Some(loser) = store.loser()", "if let Some(loser) = None::<Slot>"),
    // The device lives on what is not proven.
    ("store.rs", "(true, false) => Some(Slot::First)", "(true, false) => Some(Slot::Second)"),
    // The slot in use is written.
    (
        "store.rs",
        "self.current().ok_or(StoreError::OnlyCredential)?.other();",
        "self.current().ok_or(StoreError::OnlyCredential)?;",
    ),
    // All have the same sequence.
    ("store.rs", "newest.saturating_add(1)", "newest"),
    // Trials are not counted in flash.
    ("store/slot_state.rs", "[0; RECORD_LEN].get(at..at + place)", "[0; RECORD_LEN].get(RECORD_LEN + at..)"),
    // The header of the image goes last, after the records.
    (
        "store.rs",
        "for index in 0..slot_stride::<F>() / page {",
        "for index in (0..slot_stride::<F>() / page).rev() {",
    ),
    // Whatever is committed counts as confirmed.
    (
        "store/slot_state.rs",
        "== Purpose::Image.kind() && confirmed {",
        "== Purpose::Image.kind() && (confirmed || committed) {",
    ),
    // A board that is flashed again lives on the older certificate.
    ("store.rs", "if first_begins > second_begins =>", "if first_begins < second_begins =>"),
    // The credential in use is given up instead of the one on trial.
    ("store.rs", "self.erase(flash, current.other())", "self.erase(flash, current)"),
    // Slots share an erase block.
    (
        "store.rs",
        "if F::ERASE_SIZE > SLOT_LEN { F::ERASE_SIZE as u32 } else { SLOT_LEN as u32 }",
        "SLOT_LEN as u32",
    ),
];

/// The test files that each mutant is tried with.
const TRIALS: [&str; 4] = ["model", "life", "cuts", "factory"];

#[test]
fn no_mutant_of_the_store_survives() {
    let folder = package();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet", "--color", "never", "--", "--color", "never", "--no-capture"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-mutants-target"))
        .env("COUNTERSIGN_CUTS", "once")
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(stdout.contains("test result:"), "they do not compile:\n{stderr}");
    let failures = stdout.rsplit_once("failures:\n").map_or("", |(_, names)| names);
    let died: BTreeSet<&str> = failures.lines().filter_map(|line| line.trim().split("::").next()).collect();
    assert!(!died.contains("original"), "the store itself fails:\n{stdout}\n{stderr}");
    let survivors: Vec<_> = (0..MUTATIONS.len())
        .filter(|number| !died.contains(format!("mutant_{number}").as_str()))
        .map(|number| MUTATIONS[number])
        .collect();
    assert!(survivors.is_empty(), "{survivors:#?} survive:\n{failures}\n{stderr}");
}

/// A package with the store as it is and with each of its mutants, and the tests for each.
fn package() -> PathBuf {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-mutants");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"store-mutants\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         countersign-agent = {{ path = {agent:?}, features = [\"host\"] }}\n\
         device-identity = {{ path = {:?} }}\nadversary = {{ path = {:?} }}\n\
         rcgen = {:?}\nembedded-storage-async = \"0.4\"\nembassy-futures = \"0.1\"\nthiserror = {{ version = \"2\", default-features = false }}\n\
         zeroize = \"1\"\n\
         [profile.dev]\ndebug = false\n[profile.dev.package.\"*\"]\nopt-level = 1\n",
        agent.join("identity"),
        agent.join("tests/adversary"),
        "*",
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions of the workspace: nothing is looked up.
    std::fs::copy(agent.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    let record = agent.join("src/flash_record.rs");
    std::fs::copy(record, folder.join("src/flash_record.rs")).unwrap();
    let mut main = String::from(
        "mod flash_record;\nmod x509 { pub use countersign_agent::x509::*; }\n\
         mod credential { pub use countersign_agent::credential::NewKey; }\n",
    );
    module(&mut main, &folder, "original", None);
    for (number, mutation) in MUTATIONS.iter().enumerate() {
        module(&mut main, &folder, &format!("mutant_{number}"), Some(mutation));
    }
    std::fs::write(folder.join("src/lib.rs"), main).unwrap();
    folder
}

/// A store and its tests as a module of this name.
fn module(main: &mut String, folder: &Path, name: &str, mutation: Option<&Mutation>) {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = folder.join("src").join(name);
    std::fs::create_dir_all(own.join("store")).unwrap();
    for file in ["store.rs", "store/error.rs", "store/pending_request.rs", "store/slot_state.rs"] {
        let mut text = std::fs::read_to_string(agent.join("src/credential").join(file)).unwrap();
        if let Some((mutated, from, to)) = mutation
            && *mutated == file
        {
            assert_eq!(text.matches(from).count(), 1, "{file} has once: {from}");
            text = text.replace(from, to);
        }
        std::fs::write(own.join(file), text).unwrap();
    }
    for trial in TRIALS {
        let text =
            std::fs::read_to_string(agent.join("tests/store").join(trial).with_extension("rs")).unwrap();
        let text = text
            .replace("crate::", &format!("crate::{name}::"))
            .replace("countersign_agent::credential::store", &format!("crate::{name}::store"));
        std::fs::write(own.join(trial).with_extension("rs"), text).unwrap();
    }
    let _ = writeln!(
        main,
        "mod {name} {{ pub mod store; #[cfg(test)] mod model; #[cfg(test)] mod life; #[cfg(test)] mod cuts;\n\
         #[cfg(test)] mod factory; #[cfg(test)] use embassy_futures::block_on; }}"
    );
}
