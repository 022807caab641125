//! CA keys that another tool has written: taken where OpenSSL's PKCS#8 says the same, or refused for what they are.

use std::fs;

use crate::factory::{Factory, PASSPHRASE};

/// What `issue` says with this file as the key of the issuing CA.
fn refused(factory: &Factory, made_by: &str, words: &[&str]) {
    let output = factory.run("issue dev-1").exited(3);
    for words in words {
        assert!(output.stderr.contains(words), "{made_by}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("backup"), "{made_by}: {}", output.stderr);
}

fn with_plain_key() -> Factory {
    let factory = Factory::new();
    factory.write("pass", PASSPHRASE);
    factory.openssl("pkey -in fleet/device-ca/issuing.key -passin file:pass -out plain.key").succeeded();
    factory
}

const KEY: &str = "fleet/device-ca/issuing.key";

#[test]
fn every_encryption_of_openssl_is_read_or_named() {
    let factory = with_plain_key();
    let to = format!("-in plain.key -out {KEY} -passout file:pass");
    for (options, unread) in [
        ("-scrypt", None),
        ("-scrypt -v2 aes-128-cbc", None),
        ("-v2 aes-128-cbc -v2prf hmacWithSHA224", None),
        ("-v2 aes-192-cbc -v2prf hmacWithSHA384", None),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA512", None),
        ("-v2 aes-256-cbc -iter 2048", None),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA1", Some("HMAC with SHA-1")),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA512-256", Some("HMAC with SHA-512/256")),
        ("-v2 des3", Some("3DES (des-ede3-cbc)")),
        ("-v2 camellia-256-cbc", Some("Camellia-256-CBC")),
        ("-v2 aria-256-cbc", Some("ARIA-256-CBC")),
        ("-v1 PBE-SHA1-3DES", Some("PKCS#12 scheme with 3DES")),
        ("-v1 PBE-MD5-DES -provider legacy -provider default", Some("PBES1 with MD5 and DES")),
    ] {
        let made = factory.openssl(&format!("pkcs8 -topk8 {options} {to}"));
        assert_eq!(made.code, 0, "{options}: {}", made.stderr);
        match unread {
            None => _ = factory.run("crl").succeeded(),
            Some(name) => {
                refused(&factory, options, &[name, "openssl pkcs8 -topk8 -scrypt -in FILE -out NEW"]);
                // The advice is good.
                let legacy =
                    if options.contains("legacy") { "-provider legacy -provider default" } else { "" };
                let convert = format!(
                    "pkcs8 -topk8 -scrypt -in {KEY} -out NEW -passin file:pass -passout file:pass2 {legacy}"
                );
                factory.write("pass2", PASSPHRASE);
                factory.openssl(&convert).succeeded();
                fs::rename(factory.path("NEW"), factory.path(KEY)).unwrap();
                factory.run("crl").succeeded();
            }
        }
    }
}

#[test]
fn every_format_of_keys_is_read_or_named() {
    let factory = with_plain_key();
    let encrypted = fs::read_to_string(factory.path(KEY)).unwrap();
    for content in [
        encrypted.replace('\n', "\r\n"),
        format!("\u{feff}{encrypted}"),
        format!("the issuing key of line 3\n\n{encrypted}\nkept by Q. A.\n"),
        encrypted.replace('\n', " \n"),
    ] {
        factory.write(KEY, content);
        factory.run("crl").succeeded();
    }
    let advice = "openssl pkcs8 -topk8 -scrypt";
    for (command, words) in [
        ("pkey -in plain.key -out OUT", "not encrypted"),
        ("ec -in plain.key -out OUT", "not encrypted"),
        ("ec -in plain.key -aes256 -passout file:pass -out OUT", "OpenSSL's traditional way"),
        ("genrsa -traditional -out OUT 2048", "not encrypted"),
        ("genrsa -traditional -aes128 -passout file:pass -out OUT 2048", "OpenSSL's traditional way"),
    ] {
        factory.openssl(&command.replace("OUT", KEY)).succeeded();
        refused(&factory, command, &[words, advice]);
    }
    factory.write(KEY, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
    refused(&factory, "ssh-keygen", &["a key of OpenSSH", "ssh-keygen -p -m PKCS8"]);

    for (command, words) in [
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.key", "an RSA key"),
        ("genpkey -algorithm ed25519 -out other.key", "an Ed25519 key"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out other.key", "a P-384 key"),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out other.key", "a secp256k1 key"),
    ] {
        factory.openssl(command).succeeded();
        factory
            .openssl(&format!("pkcs8 -topk8 -scrypt -in other.key -out {KEY} -passout file:pass"))
            .succeeded();
        refused(&factory, command, &[words, "not a P-256 key", "the certificate beside it"]);
    }
    factory.openssl("ec -in plain.key -no_public -out other.key").succeeded();
    factory.openssl(&format!("pkcs8 -topk8 -scrypt -in other.key -out {KEY} -passout file:pass")).succeeded();
    refused(&factory, "-no_public", &["without the public key", "the file that `init` wrote"]);
    factory.write(KEY, "nonsense");
    factory.run("issue dev-1").exited(3).says("no encrypted PKCS#8").says("backup");
}
