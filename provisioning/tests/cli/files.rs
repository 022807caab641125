//! The fleet directory: file modes, the files that commands need, and the files that are exported.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::factory::{Factory, PASSPHRASE, tree};

#[test]
fn only_the_owner_can_read_files_and_enter_directories() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format bin,hex,uf2,pem").succeeded();
    factory.run("service historian").succeeded();
    factory.run("revoke dev-1").succeeded();
    factory.run("export-broker --out exported").succeeded();
    factory.run("issue dev-2 --out elsewhere").succeeded();
    for root in ["fleet", "exported", "elsewhere"] {
        let root = factory.path(root);
        for path in tree(&root) {
            let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            let path = root.join(path);
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
        }
    }
}

#[test]
fn only_init_needs_the_root_keys() {
    let factory = Factory::new();
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        fs::remove_file(factory.path(&format!("fleet/{authority}/root.key"))).unwrap();
    }
    factory.run("issue dev-1 --format pem").succeeded();
    factory.run("service historian").succeeded();
    factory.run("broker-cert").succeeded();
    factory.run("revoke dev-1").succeeded();
    factory.run("crl").succeeded();
    factory.run("export-broker --out exported").succeeded();
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "certificate revoked");
}

#[test]
fn openssl_decrypts_ca_keys_with_their_passphrase_and_with_no_other() {
    let factory = Factory::empty();
    factory.write("issuing.pass", "for the issuing CAs\n");
    factory.write("root.pass", "for the roots");
    factory
        .run(
            "init --organization Acme --broker-host b.example --passphrase-file issuing.pass \
             --root-passphrase-file root.pass",
        )
        .succeeded();
    for authority in ["device-ca", "service-ca", "broker-ca"] {
        for (rank, right, wrong) in
            [("root", "root.pass", "issuing.pass"), ("issuing", "issuing.pass", "root.pass")]
        {
            let key = format!("fleet/{authority}/{rank}.key");
            let read = |pass: &str| factory.openssl(&format!("pkey -in {key} -passin file:{pass} -pubout"));
            let certified = factory.openssl(&format!("x509 -in fleet/{authority}/{rank}.pem -noout -pubkey"));
            assert_eq!(read(right).succeeded().stdout, certified.succeeded().stdout);
            assert_ne!(read(wrong).code, 0, "{key} opens with {wrong}");
        }
    }
    factory
        .run("issue dev-1 --passphrase-file root.pass")
        .exited(3)
        .says("issuing.key: the passphrase does not open");
    // A passphrase file takes precedence over the environment, which has another passphrase.
    factory.run("issue dev-1 --passphrase-file issuing.pass").succeeded();
    assert_ne!(PASSPHRASE, "for the issuing CAs");
}

#[test]
fn an_export_is_exactly_this_list_of_files_without_keys_of_cas_or_devices() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    factory.run("service historian").succeeded();
    let exported = factory.json("export-broker --out exported");
    let expected = [
        "broker/cert.pem",
        "broker/key.pem",
        "broker.toml",
        "crl/device-ca.crl",
        "crl/service-ca.crl",
        "device-ca/issuing.pem",
        "device-ca/root.pem",
        "service-ca/issuing.pem",
        "service-ca/root.pem",
    ];
    let found: Vec<_> =
        tree(&factory.path("exported")).iter().map(|path| path.display().to_string()).collect();
    assert_eq!(found, expected);
    assert_eq!(exported["files"].as_array().unwrap().len(), expected.len());
    let keys: Vec<_> = found
        .iter()
        .filter(|name| {
            fs::read_to_string(factory.path("exported").join(name)).unwrap().contains("PRIVATE KEY")
        })
        .collect();
    assert_eq!(keys, ["broker/key.pem"]);

    // A second export replaces the CRL.
    factory.run("revoke dev-1").succeeded();
    factory.run("export-broker --out exported").succeeded();
    let crl = |root: &str| fs::read(factory.path(root).join("crl/device-ca.crl")).unwrap();
    assert_eq!(crl("exported"), crl("fleet"));
}

#[test]
fn a_ca_whose_files_do_not_match_signs_nothing() {
    let factory = Factory::new();
    let other = Factory::new();
    let fleet = |name: &str| factory.path(&format!("fleet/device-ca/{name}"));
    let swap = |name: &str| {
        let own = fs::read(fleet(name)).unwrap();
        fs::write(fleet(name), fs::read(other.path(&format!("fleet/device-ca/{name}"))).unwrap()).unwrap();
        own
    };
    for (name, words) in [
        ("issuing.key", "is not the key of"),
        ("issuing.pem", "was not issued by the root CA beside it"),
        ("root.pem", "was not issued by the root CA beside it"),
    ] {
        let own = swap(name);
        factory.run("issue dev-1").exited(3).says(words);
        factory.run("crl").exited(3).says(words);
        fs::write(fleet(name), own).unwrap();
    }
    let own = fs::read(fleet("issuing.pem")).unwrap();
    factory.run("service leaf").succeeded();
    for (content, words) in [
        (fs::read(factory.path("fleet/services/leaf.cert.pem")).unwrap(), "no single PEM certificate"),
        (fs::read(fleet("root.pem")).unwrap(), "no issuing CA of a fleet"),
        (b"nonsense".to_vec(), "no single PEM certificate"),
    ] {
        fs::write(fleet("issuing.pem"), content).unwrap();
        factory.run("issue dev-1").exited(3).says(words);
    }
    fs::write(fleet("issuing.pem"), own).unwrap();
    assert!(factory.files("fleet/images").is_empty());
    factory.run("issue dev-1").succeeded();
}

#[test]
fn the_registry_holds_no_private_key() {
    let factory = Factory::new();
    factory.run("issue dev-1 --format bin,pem").succeeded();
    let text = factory.openssl("pkey -in fleet/images/dev-1.key.pem -noout -text").succeeded().stdout;
    let digits: String = text
        .lines()
        .skip_while(|line| !line.starts_with("priv:"))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .flat_map(str::chars)
        .filter(char::is_ascii_hexdigit)
        .collect();
    let key: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[digits.len() - 64..][at..at + 2], 16).unwrap())
        .collect();
    let holds = |file: &str| {
        let bytes = fs::read(factory.path(file)).unwrap_or_default();
        bytes.windows(key.len()).any(|window| window == key)
    };
    assert!(holds("fleet/images/dev-1.bin"), "the test does not find the key where it must be");
    assert!(!holds("fleet/registry.db") && !holds("fleet/registry.db-wal"));
}
