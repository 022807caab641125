//! A fleet that an earlier version made goes on as if this one had made it. `tests/fixtures/version-1` was made by the
//! last program whose registry had schema version 1, with the commands in `tests/fixtures/README.md`.

use std::path::Path;

use crate::factory::Factory;

/// A copy of the fleet of that version.
fn of_version_1() -> Factory {
    let factory = Factory::empty();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    copy(&fixtures.join("version-1"), &factory.path("fleet"));
    std::fs::copy(fixtures.join("version-1-order.csv"), factory.path("order.csv")).unwrap();
    factory
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

/// The statuses of all certificates of a name, newest first.
fn statuses(factory: &Factory, name: &str) -> Vec<String> {
    let shown = factory.json(&format!("show {name}"));
    let certificates = shown["certificates"].as_array().unwrap();
    certificates.iter().map(|certificate| certificate["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_registered_is_there_and_revoked_certificates_stay_on_the_list() {
    let factory = of_version_1();
    assert_eq!(statuses(&factory, "pump-1"), ["active"]);
    assert_eq!(statuses(&factory, "pump-2"), ["suspended"]);
    assert_eq!(statuses(&factory, "pump-3"), ["revoked"]);
    assert_eq!(statuses(&factory, "gauge"), ["active", "superseded"]);
    let listed = |factory: &Factory| {
        let lists = factory.json("inspect fleet/crl/device-ca.crl");
        let mut serials: Vec<_> = lists["crls"][0]["revoked"].as_array().unwrap().clone();
        serials.sort_by_key(|entry| entry["serial"].as_str().unwrap().to_owned());
        serials
    };
    let before = listed(&factory);
    let number = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["crl_number"].clone();
    factory.run("crl").succeeded();
    assert_eq!(listed(&factory), before);
    let later = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["crl_number"].clone();
    let number_of = |value: serde_json::Value| value.as_str().unwrap().parse::<u64>().unwrap();
    assert!(number_of(later) > number_of(number));
}

#[test]
fn a_suspension_from_before_ends_with_what_each_certificate_was() {
    let factory = of_version_1();
    assert_eq!(statuses(&factory, "historian"), ["suspended", "suspended"]);
    factory.run("resume historian pump-2").succeeded();
    assert_eq!(statuses(&factory, "historian"), ["active", "superseded"]);
    assert_eq!(statuses(&factory, "pump-2"), ["active"]);
}
