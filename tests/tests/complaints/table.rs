//! `tests/complaints.md` and these tests are about the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../../complaints.md");

/// How many complaints there are.
const COMPLAINTS: usize = 33;

/// The functions of a file that are tests.
fn tests_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source");
    let source = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let functions = source.items.into_iter().filter_map(|item| match item {
        syn::Item::Fn(function) => Some(function),
        _ => None,
    });
    let is_test = |function: &syn::ItemFn| {
        let is_ignored = function.attrs.iter().any(|attribute| attribute.path().is_ident("ignore"));
        !is_ignored && function.attrs.iter().any(|attribute| attribute.path().is_ident("test"))
    };
    functions.filter(is_test).map(|function| function.sig.ident.to_string()).collect()
}

/// All tests beside this file, as `file::test`.
fn tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/complaints");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files
        .flat_map(|file| {
            let module = file.file_stem().expect("a name").to_string_lossy().into_owned();
            tests_in(&file).into_iter().map(move |test| format!("{module}::{test}"))
        })
        .collect()
}

/// The tests in the last cell of each numbered row.
fn rows() -> BTreeMap<usize, Vec<&'static str>> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", number, _, complaint, answer, tests, ""] = cells.as_slice() else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        assert!(!complaint.is_empty() && !answer.is_empty(), "{line}");
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "complaint {number} names no test");
        assert!(rows.insert(number, tests).is_none(), "complaint {number} is there twice");
    }
    rows
}

#[test]
fn every_complaint_has_a_row_and_every_row_tests_that_exist() {
    let (rows, tests) = (rows(), tests());
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), (1..=COMPLAINTS).collect::<Vec<_>>());
    let missing: Vec<_> = rows.values().flatten().filter(|named| !tests.contains(**named)).collect();
    assert!(missing.is_empty(), "named, and not there: {missing:#?}");
}

#[test]
fn every_test_answers_a_complaint() {
    let named: BTreeSet<&str> = rows().into_values().flatten().collect();
    let idle: Vec<_> = tests()
        .into_iter()
        .filter(|test| !test.starts_with("table::") && !named.contains(test.as_str()))
        .collect();
    assert!(idle.is_empty(), "there, and not named: {idle:#?}");
}
