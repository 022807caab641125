//! Every input of the kept corpora, through its target, with the toolchain of everything else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Verdict};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// A promise that is broken is named by its input, on stderr, before the panic that it is.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let verdicts = files(&corpus().join(name)).into_iter().map(|file| {
        eprintln!("{}", file.display());
        (target.run)(&fs::read(file).unwrap())
    });
    let (accepted, refused): (Vec<_>, Vec<_>) = verdicts.partition(|verdict| *verdict == Verdict::Accepted);
    // Otherwise the corpus does not reach what it is there for.
    assert!(!accepted.is_empty(), "nothing in the corpus is accepted");
    assert!(!refused.is_empty(), "nothing in the corpus is refused");
}

#[test]
fn certificates() {
    replay("certificate");
}

#[test]
fn records() {
    replay("record");
}

#[test]
fn handshakes() {
    replay("handshake");
}

#[test]
fn mqtt_input() {
    replay("mqtt_input");
}

#[test]
fn images() {
    replay("image");
}

#[test]
fn sessions() {
    replay("session");
}

#[test]
fn every_target_has_a_corpus_and_a_program_and_no_other_has() {
    let names: BTreeSet<_> = TARGETS.map(|target| target.name.to_string()).into();
    let stems = |folder: &Path| -> BTreeSet<_> {
        files(folder).iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_string()).collect()
    };
    assert_eq!(stems(&corpus()), names);
    assert_eq!(stems(&Path::new(env!("CARGO_MANIFEST_DIR")).join("targets")), names);
}

#[test]
fn a_corpus_starts_from_the_seeds() {
    for target in TARGETS {
        let kept: BTreeSet<_> =
            files(&corpus().join(target.name)).into_iter().map(|file| fs::read(file).unwrap()).collect();
        assert!(kept.len() < 100, "{}: keep few", target.name);
        for (number, seed) in (target.seeds)().iter().enumerate() {
            (target.run)(seed);
            assert!(kept.contains(seed), "{}: seed {number} is not kept; tests/fuzz/run seed", target.name);
        }
    }
}

#[test]
fn renewals() {
    replay("renewal");
}

#[test]
fn credential_stores() {
    replay("credential_store");
}
