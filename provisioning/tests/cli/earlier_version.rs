//! A fleet that an earlier version made goes on as if this one had made it. `tests/fixtures/version-1` was made by the
//! last program whose registry had schema version 1, with the commands in `tests/fixtures/README.md`.

use std::path::Path;

use crate::factory::{Factory, copy};

/// A copy of the fleet of that version.
fn of_version_1() -> Factory {
    let factory = Factory::empty();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    copy(&fixtures.join("version-1"), &factory.path("fleet"));
    std::fs::copy(fixtures.join("version-1-order.csv"), factory.path("order.csv")).unwrap();
    factory
}

#[test]
fn what_was_registered_is_there_and_revoked_certificates_stay_on_the_list() {
    let factory = of_version_1();
    assert_eq!(factory.statuses("pump-1"), ["active"]);
    assert_eq!(factory.statuses("pump-2"), ["suspended"]);
    assert_eq!(factory.statuses("pump-3"), ["revoked"]);
    assert_eq!(factory.statuses("gauge"), ["active", "superseded"]);
    let before = factory.listed("device-ca");
    let number = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["crl_number"].clone();
    factory.run("crl").succeeded();
    assert_eq!(factory.listed("device-ca"), before);
    let later = factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["crl_number"].clone();
    let number_of = |value: serde_json::Value| value.as_str().unwrap().parse::<u64>().unwrap();
    assert!(number_of(later) > number_of(number));
}

#[test]
fn a_suspension_from_before_ends_with_what_each_certificate_was() {
    let factory = of_version_1();
    assert_eq!(factory.statuses("historian"), ["suspended", "suspended"]);
    factory.run("resume historian pump-2").succeeded();
    assert_eq!(factory.statuses("historian"), ["active", "superseded"]);
    assert_eq!(factory.statuses("pump-2"), ["active"]);
}

/// The key usages and the subject key identifier of a certificate, as OpenSSL prints them.
fn extensions(factory: &Factory, certificate: &str) -> String {
    let command = format!("x509 -in fleet/{certificate} -noout -ext subjectKeyIdentifier,keyUsage");
    factory.openssl(&command).succeeded().stdout
}

#[test]
fn new_certificates_follow_the_current_profile_and_those_from_before_stay_valid() {
    let factory = of_version_1();
    for leaf in ["images/pump-1.cert.pem", "services/gauge.cert.pem", "broker/cert.pem"] {
        let printed = extensions(&factory, leaf);
        assert!(
            printed.contains("Subject Key Identifier"),
            "{leaf} is not of the profile from before: {printed}"
        );
    }
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        let printed = extensions(&factory, &format!("{authority}/issuing.pem"));
        assert!(
            !printed.contains("Digital Signature"),
            "{authority} is not of the profile from before: {printed}"
        );
    }
    factory.run("crl").succeeded();
    // Long after the last act of that fleet.
    factory.run("issue new-pump --format bin,pem --yes").succeeded();
    factory.run("service backend --yes").succeeded();
    factory.run("broker-cert --yes").succeeded();
    for leaf in ["images/new-pump.cert.pem", "services/backend.cert.pem", "broker/cert.pem"] {
        let printed = extensions(&factory, leaf);
        assert!(!printed.contains("Subject Key Identifier"), "{leaf}: {printed}");
    }
    for (device, verdict) in [
        ("new-pump", "OK"),
        ("pump-1", "OK"),
        ("pump-2", "certificate revoked"),
        ("pump-3", "certificate revoked"),
    ] {
        assert_eq!(factory.openssl_verdict(&format!("fleet/images/{device}.cert.pem")), verdict, "{device}");
    }
}

#[test]
fn a_rehearsal_changes_nothing_not_even_the_version() {
    let factory = of_version_1();
    let registry = || std::fs::read(factory.path("fleet/registry.db")).unwrap();
    let before = registry();
    factory.run("reconcile --dry-run");
    assert!(registry() == before, "the registry was brought to this version");
}

#[test]
fn a_device_from_before_is_revoked() {
    let factory = of_version_1();
    factory.run("revoke pump-1 --reason keyCompromise").succeeded();
    assert_eq!(factory.openssl_verdict("fleet/images/pump-1.cert.pem"), "certificate revoked");
}

#[test]
fn an_order_that_was_finished_before_is_finished() {
    let factory = of_version_1();
    let image = || std::fs::read(factory.path("fleet/images/pump-1.bin")).unwrap();
    let before = image();
    let again = factory.run("issue --order order.csv --format bin,pem --yes").succeeded();
    assert!(again.stdout.contains("3 registered already"), "{}", again.stdout);
    assert_eq!(image(), before);
}
