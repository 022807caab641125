//! Revoking, suspending and resuming, checked by OpenSSL and by the registry.

use crate::factory::Factory;

#[test]
fn openssl_agrees_on_good_revoked_suspended_and_resumed_devices() {
    let factory = Factory::new();
    factory.run("issue good revoked suspended --format pem").succeeded();
    let verdict = |device: &str| factory.openssl_verdict(&format!("fleet/images/{device}.cert.pem"));
    assert_eq!(verdict("good"), "OK");
    assert_eq!(verdict("suspended"), "OK");

    factory.run("revoke revoked --reason keyCompromise").succeeded();
    assert_eq!(verdict("revoked"), "certificate revoked");
    assert_eq!(verdict("good"), "OK");

    factory.run("suspend suspended").succeeded();
    assert_eq!(verdict("suspended"), "certificate revoked");
    factory.run("resume suspended").succeeded();
    assert_eq!(verdict("suspended"), "OK");
    assert_eq!(verdict("revoked"), "certificate revoked");

    // A device of another fleet has the same name and another CA.
    let foreign = Factory::new();
    foreign.run("issue good --format pem").succeeded();
    let foreign = foreign.path("fleet/images/good.cert.pem");
    assert_eq!(factory.openssl_verdict(foreign.to_str().unwrap()), "unable to get local issuer certificate");
}

#[test]
fn a_revocation_is_permanent_and_repeating_it_is_no_error() {
    let factory = Factory::new();
    factory.run("issue dev-1 dev-2").succeeded();
    factory.run("revoke dev-1").succeeded();
    factory.run("revoke dev-1").succeeded();
    factory.run("suspend dev-1").exited(5).says("a revocation is for good");
    factory.run("resume dev-1").exited(5).says("a revocation is for good");
    // A change that is refused for one device changes no other device either.
    factory.run("suspend dev-2 dev-1").exited(5);
    assert_eq!(factory.json("show dev-2")["certificates"][0]["status"], "active");

    factory.run("suspend dev-2").succeeded();
    factory.run("suspend dev-2").succeeded();
    factory.run("revoke dev-2 --reason keyCompromise").succeeded();
    let certificate = &factory.json("show dev-2")["certificates"][0];
    assert_eq!(certificate["status"], "revoked");
    assert_eq!(certificate["revocation_reason"], "keyCompromise");
}

#[test]
fn an_unknown_name_among_several_revokes_nothing() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    factory.run("revoke dev-1 dev-9 dev-8").exited(4).says("unknown: dev-9, dev-8");
    factory.run(&format!("revoke --serial {}", "01".repeat(16))).exited(4).says("unknown: serial 0101");
    assert_eq!(factory.json("show dev-1")["certificates"][0]["status"], "active");
}

#[test]
fn a_serial_number_as_openssl_prints_it_revokes_that_certificate() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format pem").succeeded();
    let printed = factory.openssl("x509 -in fleet/images/dev-1.cert.pem -noout -serial").succeeded().stdout;
    let serial = printed.trim().strip_prefix("serial=").unwrap();
    factory.run(&format!("revoke --serial {serial} --reason superseded")).succeeded();
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "certificate revoked");
    assert_eq!(factory.json("show dev-1")["certificates"][0]["serial"], serial.to_lowercase());
}

#[test]
fn crls_conform_to_rfc_5280_and_their_number_only_grows() {
    let factory = Factory::new();
    factory.run("issue dev-1 dev-2 dev-3").succeeded();
    factory.run("revoke dev-1 --reason keyCompromise").succeeded();
    factory.run("revoke dev-2").succeeded();
    factory.run("suspend dev-3").succeeded();
    let text = |file: &str| factory.openssl(&format!("crl -in {file} -noout -text")).succeeded().stdout;
    let crl = text("fleet/crl/device-ca.crl");
    assert!(crl.contains("Version 2 (0x1)"), "{crl}");
    assert!(crl.contains("Signature Algorithm: ecdsa-with-SHA256"), "{crl}");
    assert!(crl.contains("X509v3 Authority Key Identifier"), "{crl}");
    assert!(crl.contains("Key Compromise") && crl.contains("Certificate Hold"), "{crl}");
    // RFC 5280 §5.3.1: without a reason, the extension is absent.
    assert!(!crl.contains("Unspecified"), "{crl}");
    assert_eq!(crl.matches("Serial Number").count(), 3, "{crl}");
    // Without entries, the list is absent.
    assert!(text("fleet/crl/service-ca.crl").contains("No Revoked Certificates."));

    let issuer = factory.openssl("x509 -in fleet/device-ca/issuing.pem -noout -ext subjectKeyIdentifier");
    let key_id = issuer.succeeded().stdout.lines().nth(1).unwrap().trim().to_owned();
    assert!(crl.contains(&key_id), "{key_id} is not in {crl}");

    let number = |value: &serde_json::Value| value[0]["crl_number"].as_u64().unwrap();
    let first = number(&factory.json("crl"));
    let second = number(&factory.json("crl"));
    assert!(second > first, "{first} then {second}");
    let mut now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Several CRLs within a second have numbers ahead of the clock.
    now += 10;
    assert!(second <= now && second > now - 3600, "{second} is not about {now}");
}

#[test]
fn crl_out_writes_every_crl_into_one_file() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format pem").succeeded();
    factory.run("revoke dev-1").succeeded();
    factory.run("crl --out all.crl --crl-days 3").succeeded();
    let text = std::fs::read_to_string(factory.path("all.crl")).unwrap();
    assert_eq!(text.matches("BEGIN X509 CRL").count(), 2);
    let (this, next) = {
        let crl = factory.json("inspect all.crl");
        (crl["crls"][0]["this_update"].to_string(), crl["crls"][0]["next_update"].to_string())
    };
    assert_ne!(this, next);
}

#[test]
fn a_service_is_revoked_like_a_device_and_the_broker_is_not() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    factory.run("revoke historian").succeeded();
    assert_eq!(
        factory.json("inspect fleet/crl/service-ca.crl")["crls"][0]["revoked"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        factory.json("inspect fleet/crl/device-ca.crl")["crls"][0]["revoked"].as_array().unwrap().len(),
        0
    );
    let serial = factory.json("broker-cert")["serial"].as_str().unwrap().to_owned();
    factory.run(&format!("revoke --serial {serial}")).exited(3).says("is the broker's");
}

#[test]
fn a_batch_is_the_devices_of_one_work_order_and_no_other() {
    let factory = Factory::new();
    factory.write("order.csv", "device_id,work_order\ndev-1,WO-1\ndev-2,WO-1\ndev-3,WO-10\n");
    factory.run("issue --order order.csv").succeeded();
    factory.run("revoke --batch WO-1 --yes --reason cessationOfOperation").succeeded();
    let status = |device: &str| factory.json(&format!("show {device}"))["certificates"][0]["status"].clone();
    assert_eq!(
        (status("dev-1"), status("dev-2"), status("dev-3")),
        ("revoked".into(), "revoked".into(), "active".into())
    );
    factory.run("revoke --batch WO-2").exited(4).says("unknown: work order WO-2");
}

#[test]
fn a_revocation_does_not_wait_for_a_long_order() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    let order = std::fs::File::options().write(true).open(factory.path("fleet/.issuing.lock")).unwrap();
    order.lock().unwrap();
    factory.run("--lock-timeout 0 issue dev-2").exited(1).says("another countersign-provision is writing");
    factory.run("--lock-timeout 0 revoke dev-1").succeeded();
    order.unlock().unwrap();
    factory.run("--lock-timeout 0 issue dev-2").succeeded();
}

#[test]
fn resuming_a_superseded_certificate_makes_it_superseded_again_and_not_active() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    factory.run("service historian --renew").succeeded();
    factory.run("suspend historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["suspended", "suspended"]);
    factory.run("resume historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["active", "superseded"]);
    let crl = factory.json("inspect fleet/crl/service-ca.crl");
    assert!(crl["crls"][0]["revoked"].as_array().unwrap().is_empty());
}

#[test]
fn a_certificate_that_was_renewed_while_suspended_is_superseded_once_resumed() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    factory.run("suspend historian").succeeded();
    factory.run("service historian --renew").succeeded();
    assert_eq!(factory.statuses("historian"), ["active", "suspended"]);
    factory.run("resume historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["active", "superseded"]);
    // Of three certificates, the two older ones: also when the newest is revoked.
    factory.run("suspend historian").succeeded();
    factory.run("service historian --renew").succeeded();
    let newest = factory.json("show historian")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    factory.run(&format!("revoke --serial {newest}")).succeeded();
    factory.run("resume historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["revoked", "superseded", "superseded"]);
}

#[test]
fn what_has_expired_is_suspended_resumed_and_revoked_like_anything_else() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    let registry = rusqlite::Connection::open(factory.path("fleet/registry.db")).unwrap();
    registry.execute("UPDATE certificate SET not_after = 1 WHERE identity = 'historian'", []).unwrap();
    drop(registry);
    assert_eq!(factory.statuses("historian"), ["expired"]);
    factory.run("suspend historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["suspended"]);
    factory.run("resume historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["expired"]);
    factory.run("revoke historian").succeeded();
    assert_eq!(factory.statuses("historian"), ["revoked"]);
    assert_eq!(factory.listed("service-ca").len(), 1);
}
