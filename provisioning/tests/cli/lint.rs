//! `lint` over all that the fleet issues, and over what OpenSSL makes.

use std::path::Path;

use serde_json::Value;

use crate::factory::{CommandOutput, Factory, tree};

/// All files below the fleet that hold what `lint` checks, relative to the factory's directory.
fn lintable(factory: &Factory) -> Vec<String> {
    let holds_more_than_keys = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("pem") => name != "key.pem" && !name.ends_with(".key.pem"),
            Some("crl" | "bin") => true,
            _ => false,
        }
    };
    let files = tree(&factory.path("fleet")).into_iter().filter(|path| holds_more_than_keys(path));
    files.map(|path| format!("fleet/{}", path.display())).collect()
}

/// The clauses of everything in these files that have this result, as `clause what`.
fn with_result(linted: &CommandOutput, result: &str) -> Vec<String> {
    let documents: Value = serde_json::from_str(&linted.stdout).unwrap();
    let clauses =
        documents.as_array().unwrap().iter().flat_map(|one| one["clauses"].as_array().unwrap().clone());
    let found = clauses.filter(|clause| clause["result"] == result);
    let mut found: Vec<_> = found
        .map(|one| format!("{} {}", one["clause"].as_str().unwrap(), one["what"].as_str().unwrap()))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn nothing_that_the_fleet_issues_is_found_wanting() {
    let factory = Factory::empty();
    factory.run("init --organization Acme --country DE --broker-host broker.example,127.0.0.1").succeeded();
    factory.run("issue dev-1 dev-2 --format bin,pem").succeeded();
    factory.run("service historian").succeeded();
    factory.request("tpm", "dev-3", "");
    factory.run("sign --csr tpm.csr").succeeded();
    factory.run("revoke dev-2 --reason keyCompromise").succeeded();
    factory.run("suspend dev-1").succeeded();
    let files = lintable(&factory);
    assert!(files.len() >= 13, "{files:?}");
    let linted = factory.run(&format!("lint --json tpm.csr {}", files.join(" "))).succeeded();
    assert_eq!(with_result(&linted, "wanting"), [""; 0]);
    assert_eq!(with_result(&linted, "advised"), [""; 0]);
    assert_eq!(
        with_result(&linted, "deviates"),
        [
            "IoT 17.1.5 short-lived",
            "IoT 17.2.5 pathLenConstraint",
            "IoT 17.3.5 pathLenConstraint",
            "IoT 17.4.1 several alternative names",
            "RFC 5280 4.2.1.2 SKI",
        ]
    );
    // Each leaf, and each list, was held against the CA that has signed it.
    let documents: Value = serde_json::from_str(&linted.stdout).unwrap();
    for one in documents.as_array().unwrap() {
        let against = one["clauses"].as_array().unwrap().iter().filter(|clause| {
            clause["what"] == "signed by the issuer given here" && clause["result"] == "met"
        });
        assert_eq!(against.count(), usize::from(one["kind"] != "signing request"), "{one}");
    }
}

#[test]
fn a_fleet_without_a_country_deviates_with_a_reason_and_the_table_fits_a_terminal() {
    let factory = Factory::new();
    factory
        .run("issue a-device-with-a-name-that-is-as-long-as-names-get-0123456789.012 --format pem")
        .succeeded();
    for file in lintable(&factory) {
        let linted = factory.run(&format!("lint {file}")).succeeded();
        // A line without an indentation is the name of a file, which is not broken.
        for line in linted.stdout.lines().filter(|line| line.starts_with(' ')) {
            assert!(line.chars().count() <= 80, "{file}: {line}");
        }
        let has_ca =
            ["  root certificate ", " CA certificate "].iter().any(|kind| linted.stdout.contains(kind));
        assert_eq!(linted.stdout.contains("init --country CC"), has_ca, "{}", linted.stdout);
    }
}

#[test]
fn a_private_key_beside_a_certificate_is_passed_over_encrypted_or_not() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format pem").succeeded();
    let read = |name: &str| std::fs::read_to_string(factory.path(name)).unwrap();
    let certificate = read("fleet/images/dev-1.cert.pem");
    for key in ["fleet/images/dev-1.key.pem", "fleet/device-ca/issuing.key"] {
        for (name, content) in
            [("after", certificate.clone() + &read(key)), ("before", read(key) + &certificate)]
        {
            factory.write("both.pem", content);
            assert_eq!(factory.json("lint both.pem").as_array().unwrap().len(), 2, "{key} {name}");
        }
        factory.run(&format!("lint {key}")).exited(3).says("holds no certificate, signing request or CRL");
    }
}

#[test]
fn certificates_of_an_earlier_profile_are_found_wanting_and_their_cas_are_not() {
    let factory = Factory::empty();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-1");
    let fixture = fixture.display();
    for leaf in ["images/pump-1.cert.pem", "services/gauge.cert.pem", "broker/cert.pem", "images/pump-1.bin"]
    {
        let linted = factory.run(&format!("lint --json {fixture}/{leaf}")).exited(6);
        assert_eq!(with_result(&linted, "wanting"), ["IoT 17.4.3 SKI"], "{leaf}");
        linted.says("1 clause(s) that must be met are not");
    }
    let linted = factory.run(&format!("lint --json {fixture}/device-ca/issuing.pem")).succeeded();
    assert_eq!(with_result(&linted, "advised"), ["IoT 17.3.4 digitalSignature"]);
}

/// A self-signed certificate of OpenSSL with these extensions and options.
fn foreign(factory: &Factory, name: &str, extensions: &str, options: &str) -> CommandOutput {
    factory.write(
        &format!("{name}.cnf"),
        format!("[req]\ndistinguished_name=dn\nx509_extensions=ext\n[dn]\n[ext]\n{extensions}\n"),
    );
    factory
        .openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem \
             -config {name}.cnf -days 30 {options}"
        ))
        .succeeded();
    factory.run(&format!("lint --json {name}.pem"))
}

#[test]
fn each_fault_of_a_foreign_certificate_is_named_by_its_clause() {
    let factory = Factory::empty();
    let leaf = "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=none\nkeyUsage=critical,digitalSignature\n\
                extendedKeyUsage=clientAuth";
    let ca = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n\
              keyUsage=critical,keyCertSign,cRLSign";
    let subject = "-subj /C=DE/O=Acme/CN=x";
    for (name, extensions, options, wanting) in [
        ("no-aki", leaf.to_owned(), subject, vec!["IoT 17.4.2 AKI set"]),
        (
            "usage",
            leaf.replace("critical,digitalSignature", "keyAgreement"),
            subject,
            vec!["IoT 17.4.2 AKI set", "IoT 17.4.4 digitalSignature", "IoT 17.4.4 keyUsage critical"],
        ),
        (
            "purpose",
            leaf.replace("clientAuth", "codeSigning"),
            subject,
            vec!["IoT 17.4.2 AKI set", "IoT 17.4.4 serverAuth or clientAuth"],
        ),
        (
            "wildcard",
            leaf.replace("clientAuth", "serverAuth\nsubjectAltName=DNS:*.example"),
            subject,
            vec!["IoT 17.4.1 a wildcard in a domain name", "IoT 17.4.2 AKI set"],
        ),
        (
            "cert-sign",
            leaf.replace("digitalSignature", "digitalSignature,keyCertSign"),
            subject,
            vec!["IoT 17.4.2 AKI set", "RFC 5280 4.2.1.3 keyCertSign without CA"],
        ),
        (
            "short-serial",
            ca.to_owned(),
            "-subj /C=DE/O=Acme/CN=x -set_serial 5",
            vec!["IoT 17.1.2 serial of 64 bits or more"],
        ),
        ("no-name", ca.to_owned(), "-subj /C=DE/CN=x", vec!["IoT 17.2.1 CN and O in the subject"]),
        (
            "ca-purpose",
            format!("{ca}\nextendedKeyUsage=clientAuth"),
            subject,
            vec!["IoT 17.2.4 extendedKeyUsage"],
        ),
        ("deep", ca.replace("CA:TRUE", "CA:TRUE,pathlen:5"), subject, vec!["IoT 17.2.5 pathLenConstraint"]),
        (
            "soft",
            ca.replace("critical,CA:TRUE", "CA:TRUE"),
            subject,
            vec!["IoT 17.2.5 basicConstraints critical"],
        ),
        ("lists", ca.replace(",cRLSign", ""), subject, vec!["IoT 17.2.4 cRLSign, as it signs lists"]),
    ] {
        let linted = foreign(&factory, name, &extensions, options).exited(6);
        assert_eq!(with_result(&linted, "wanting"), wanting, "{name}");
    }
    foreign(&factory, "right", ca, subject).succeeded();
}

#[test]
fn a_list_and_a_request_whose_signatures_are_not_right_are_found_wanting() {
    let factory = Factory::new();
    factory.request("mine", "dev-1", "");
    factory.run("lint mine.csr").succeeded();
    factory.openssl("req -in mine.csr -outform DER -out mine.der").succeeded();
    let mut request = std::fs::read(factory.path("mine.der")).unwrap();
    *request.last_mut().unwrap() ^= 1;
    factory.write("forged.der", &request);
    let linted = factory.run("lint --json forged.der").exited(6);
    assert_eq!(with_result(&linted, "wanting"), ["RFC 2986 4.2 a key on P-256, proven to be held"]);

    factory.openssl("crl -in fleet/crl/device-ca.crl -outform DER -out list.der").succeeded();
    let mut list = std::fs::read(factory.path("list.der")).unwrap();
    *list.last_mut().unwrap() ^= 1;
    factory.write("forged.crl", &list);
    let linted =
        factory.run("lint --json forged.crl fleet/device-ca/issuing.pem fleet/device-ca/root.pem").exited(6);
    assert_eq!(with_result(&linted, "wanting"), ["RFC 5280 6.3.3 signed by the issuer given here"]);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let factory = Factory::new();
    factory.write("empty", "");
    factory.write("text", "nothing");
    factory.write("damaged.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    for file in [
        "empty",
        "text",
        "damaged.pem",
        "absent",
        "fleet",
        "fleet/device-ca/root.key",
        "fleet/broker/key.pem",
    ] {
        factory.run(&format!("lint {file}")).exited(3).says("help: ");
    }
    factory.run("lint").exited(2);
}
