//! Certificate profiles, as OpenSSL reads them.

use crate::factory::Factory;

/// The extensions as `openssl x509 -text` prints them, with trimmed lines and without key identifiers.
fn extensions(factory: &Factory, file: &str) -> String {
    let text = factory.openssl(&format!("x509 -in {file} -noout -text")).succeeded().stdout;
    let extensions =
        text.split_once("X509v3 extensions:\n").unwrap().1.split_once("    Signature Algorithm").unwrap().0;
    let lines = extensions
        .lines()
        .map(str::trim)
        .filter(|line| !(line.len() == 59 && line.matches(':').count() == 19));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_certificate_has_its_extensions_and_no_others() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format pem").succeeded();
    factory.run("service historian").succeeded();
    let client = "X509v3 Authority Key Identifier:\nX509v3 Key Usage: critical\nDigital Signature\n\
                  X509v3 Extended Key Usage:\nTLS Web Client Authentication\n\
                  X509v3 Basic Constraints: critical\nCA:FALSE";
    assert_eq!(extensions(&factory, "fleet/images/dev-1.cert.pem"), client);
    assert_eq!(extensions(&factory, "fleet/services/historian.cert.pem"), client);
    assert_eq!(
        extensions(&factory, "fleet/broker/cert.pem"),
        "X509v3 Authority Key Identifier:\nX509v3 Subject Alternative Name:\nDNS:broker.example, IP Address:127.0.0.1\n\
         X509v3 Key Usage: critical\nDigital Signature\nX509v3 Extended Key Usage:\n\
         TLS Web Server Authentication\nX509v3 Basic Constraints: critical\nCA:FALSE"
    );
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        for (rank, path_length, usages) in [
            ("root", 1, "Certificate Sign, CRL Sign"),
            ("issuing", 0, "Digital Signature, Certificate Sign, CRL Sign"),
        ] {
            assert_eq!(
                extensions(&factory, &format!("fleet/{authority}/{rank}.pem")),
                format!(
                    "X509v3 Authority Key Identifier:\nX509v3 Key Usage: critical\n{usages}\n\
                     X509v3 Subject Key Identifier:\nX509v3 Basic Constraints: critical\nCA:TRUE, pathlen:{path_length}"
                )
            );
        }
    }
}

#[test]
fn subjects_keys_serials_and_signatures_are_those_of_the_profile() {
    let factory = Factory::new();
    factory.run("issue Dev_1:a.b-c --format pem").succeeded();
    let text = factory.openssl("x509 -in fleet/images/Dev_1:a.b-c.cert.pem -noout -text").succeeded().stdout;
    assert!(text.contains("Version: 3"), "{text}");
    assert!(text.contains("Subject: O = Acme, CN = Dev_1:a.b-c\n"), "{text}");
    assert!(text.contains("Issuer: O = Acme, CN = Device Issuing CA "), "{text}");
    assert!(text.contains("NIST CURVE: P-256"), "{text}");
    assert_eq!(text.matches("Signature Algorithm: ecdsa-with-SHA256").count(), 2, "{text}");
    let serial = factory.json("show Dev_1:a.b-c")["certificates"][0]["serial"].as_str().unwrap().to_owned();
    assert_eq!(serial.len(), 32);
}

#[test]
fn a_country_is_in_the_names_of_all_cas_and_of_nothing_else() {
    let factory = Factory::empty();
    let init = "init --organization Acme --broker-host broker.example";
    factory.run(&format!("{init} --country GER")).exited(2).says("two letters of ISO 3166");
    assert!(!factory.path("fleet").exists());
    let made = factory.run(&format!("{init} --country de")).succeeded();
    assert!(!made.stderr.contains("country"), "{}", made.stderr);
    factory.run("issue dev-1 --format pem").succeeded();
    factory.run("service historian").succeeded();
    let subject = |file: &str| {
        let printed =
            factory.openssl(&format!("x509 -in fleet/{file} -noout -subject -nameopt RFC2253,show_type"));
        printed.succeeded().stdout
    };
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        for rank in ["root", "issuing"] {
            let subject = subject(&format!("{authority}/{rank}.pem"));
            assert!(subject.ends_with(",O=UTF8STRING:Acme,C=PRINTABLESTRING:DE\n"), "{subject}");
        }
    }
    for leaf in ["images/dev-1.cert.pem", "services/historian.cert.pem", "broker/cert.pem"] {
        let subject = subject(leaf);
        assert!(!subject.contains("C=PRINTABLESTRING"), "{subject}");
    }
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "OK");
    Factory::empty().run(init).succeeded().says("have no country, which the IoT profile wants");
}

#[test]
fn a_certificate_verifies_only_under_its_own_root_and_for_its_own_purpose() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format pem").succeeded();
    factory.run("service historian").succeeded();
    let verify = |root: &str, purpose: &str, leaf: &str| {
        let command = format!(
            "verify -x509_strict -purpose {purpose} -CAfile fleet/{root}/root.pem -untrusted fleet/{root}/issuing.pem {leaf}"
        );
        factory.openssl(&command).code == 0
    };
    let leaves = [
        ("device-ca", "sslclient", "fleet/images/dev-1.cert.pem"),
        ("service-ca", "sslclient", "fleet/services/historian.cert.pem"),
        ("broker-ca", "sslserver", "fleet/broker/cert.pem"),
    ];
    for (root, _, _) in leaves {
        for (own, right, leaf) in leaves {
            for purpose in ["sslclient", "sslserver"] {
                assert_eq!(
                    verify(root, purpose, leaf),
                    root == own && purpose == right,
                    "{root} {purpose} {leaf}"
                );
            }
        }
    }
}

#[test]
fn a_lifetime_beyond_the_end_of_the_ca_is_refused() {
    let factory = Factory::new();
    factory
        .run("issue dev-1 --days 9126")
        .exited(3)
        .says("when the issuing CA expires")
        .says("use --days 9124 or less");
    factory.run("issue dev-1 --days 9124 --format pem").succeeded();
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "OK");
    factory.run("issue dev-2 --days 0").exited(2);
}

#[test]
fn a_renewed_service_has_two_certificates_and_a_new_key() {
    let factory = Factory::new();
    factory.run("service historian").succeeded();
    let key = || std::fs::read(factory.path("fleet/services/historian.key.pem")).unwrap();
    let first = key();
    factory.run("service historian --renew").succeeded();
    assert_ne!(key(), first);
    let shown = factory.json("show historian");
    let status: Vec<_> =
        shown["certificates"].as_array().unwrap().iter().map(|row| row["status"].clone()).collect();
    assert_eq!(status, ["active", "superseded"]);
    // The old certificate is still valid, so both are revoked.
    factory.run("revoke historian").succeeded();
    let crl = factory.json("inspect fleet/crl/service-ca.crl");
    assert_eq!(crl["crls"][0]["revoked"].as_array().unwrap().len(), 2);
}

#[test]
fn a_new_broker_certificate_keeps_the_names_that_devices_know_and_remembers_those_it_is_given() {
    let factory = Factory::new();
    let names =
        || factory.json("inspect fleet/broker/cert.pem")["certificates"][0]["alternative_names"].clone();
    let runs = [
        ("broker-cert", vec!["broker.example", "127.0.0.1"]),
        ("broker-cert --host other.example --days 3", vec!["broker.example", "127.0.0.1", "other.example"]),
        ("broker-cert", vec!["broker.example", "127.0.0.1", "other.example"]),
        // What is there already, in whatever case, is there once.
        (
            "broker-cert --host OTHER.example,::1,broker.example,::1",
            vec!["broker.example", "127.0.0.1", "other.example", "::1"],
        ),
        ("broker-cert --only --host broker.example,new.example", vec!["broker.example", "new.example"]),
        ("broker-cert", vec!["broker.example", "new.example"]),
    ];
    for (command, expected) in runs {
        factory.run(command).succeeded();
        assert_eq!(names(), serde_json::json!(expected), "{command}");
    }
    // Every image of before and of now finds its broker's name in it.
    factory.run("issue pump-1 --format bin").succeeded();
    let image = factory.json("inspect fleet/images/pump-1.bin");
    assert!(image.to_string().contains("broker.example"), "{image}");

    factory
        .run("broker-cert --only --host new.example")
        .succeeded()
        .says("devices made until now expect the name broker.example")
        .says("from now on images carry new.example");
    factory.run("issue pump-2 --format bin").succeeded();
    let image = factory.json("inspect fleet/images/pump-2.bin");
    assert!(image.to_string().contains("new.example"), "{image}");
    assert_eq!(factory.run("broker-cert --only").code, 2, "no names, or these alone: which?");
    assert_eq!(names(), serde_json::json!(["new.example"]));
    let key = factory.openssl("pkey -in fleet/broker/key.pem -pubout").succeeded().stdout;
    assert_eq!(key, factory.openssl("x509 -in fleet/broker/cert.pem -noout -pubkey").succeeded().stdout);
}
