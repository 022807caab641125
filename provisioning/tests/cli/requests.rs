//! Signing requests: only the public key of a request is used.

use std::fs;

use crate::factory::{Factory, tree};

#[test]
fn a_request_that_asks_to_be_a_ca_gets_a_plain_device_certificate() {
    let factory = Factory::new();
    factory.write(
        "ca.cnf",
        "[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\nbasicConstraints=critical,CA:TRUE\n\
         keyUsage=keyCertSign,cRLSign\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:broker.example\n",
    );
    factory.request("dev-1", "dev-1", "-config ca.cnf");
    let requested = factory.openssl("req -in dev-1.csr -noout -text").succeeded().stdout;
    assert!(
        requested.contains("CA:TRUE"),
        "the request does not ask for what this test is about: {requested}"
    );

    factory.run("sign --csr dev-1.csr").succeeded();
    let issued = factory.openssl("x509 -in fleet/images/dev-1.cert.pem -noout -text").succeeded().stdout;
    assert!(issued.contains("CA:FALSE") && !issued.contains("CA:TRUE"), "{issued}");
    assert!(!issued.contains("Certificate Sign") && !issued.contains("TLS Web Server"), "{issued}");
    assert!(!issued.contains("broker.example"), "{issued}");
    assert!(issued.contains("TLS Web Client Authentication"), "{issued}");
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "OK");
    // No key file is written: the key is the device's.
    assert_eq!(factory.files("fleet/images"), ["dev-1.cert.pem"]);
}

#[test]
fn a_request_for_another_kind_of_key_is_refused_with_the_name_of_the_kind() {
    let factory = Factory::new();
    for (name, key) in [
        ("P-384", "ecparam -name secp384r1 -genkey -noout -out k.key"),
        ("P-521", "ecparam -name secp521r1 -genkey -noout -out k.key"),
        ("1.3.132.0.10", "ecparam -name secp256k1 -genkey -noout -out k.key"),
        ("RSA", "genrsa -out k.key 2048"),
        ("Ed25519", "genpkey -algorithm ed25519 -out k.key"),
    ] {
        factory.openssl(key).succeeded();
        factory.openssl("req -new -key k.key -subj /CN=dev-1 -out k.csr").succeeded();
        factory.run("sign --csr k.csr").exited(3).says(name).says("only P-256");
    }
    assert!(factory.json("list").as_array().unwrap().is_empty());
}

#[test]
fn the_hash_of_the_request_does_not_choose_the_curve_of_the_certificate() {
    let factory = Factory::new();
    factory.request("dev-1", "dev-1", "-sha384");
    factory.run("sign --csr dev-1.csr").succeeded();
    assert_eq!(factory.openssl_verdict("fleet/images/dev-1.cert.pem"), "OK");
}

#[test]
fn a_request_is_refused_for_one_changed_byte_and_for_one_byte_more() {
    let factory = Factory::new();
    factory.request("good", "dev-1", "-outform DER");
    let good = fs::read(factory.path("good.csr")).unwrap();

    let (mut signature, mut body) = (good.clone(), good.clone());
    *signature.last_mut().unwrap() ^= 1;
    factory.write("signature.csr", signature);
    factory
        .run("sign --csr signature.csr --device-id dev-1")
        .exited(3)
        .says("nobody has proven to hold that key");
    // The last letter of the common name.
    let name = good.windows(5).position(|window| window == b"dev-1").unwrap();
    body[name + 4] = b'2';
    factory.write("body.csr", body);
    factory.run("sign --csr body.csr").exited(3).says("nobody has proven to hold that key");

    factory.write("trailing.csr", [good.as_slice(), b"\0"].concat());
    factory.run("sign --csr trailing.csr").exited(3).says("1 bytes follow the signing request");
    factory.write("short.csr", &good[..good.len() - 1]);
    factory.run("sign --csr short.csr").exited(3).says("no PKCS#10 signing request");
    factory.write("long.csr", vec![0x30; 100_000]);
    factory.run("sign --csr long.csr").exited(3).says("more than 65536 bytes");
    factory.write("empty.csr", "");
    factory.run("sign --csr empty.csr").exited(3).says("no PKCS#10 signing request");
    factory.write("certificate.csr", fs::read(factory.path("fleet/device-ca/root.pem")).unwrap());
    factory.run("sign --csr certificate.csr").exited(3).says("no PKCS#10 signing request");
    factory.run("sign --csr absent.csr").exited(3).says("cannot read absent.csr");

    // The request from which the others were made is accepted.
    factory.run("sign --csr good.csr").succeeded();
}

#[test]
fn a_common_name_is_a_claim_that_must_be_a_new_device_id() {
    let factory = Factory::new();
    factory.run("issue dev-1").succeeded();
    factory.run("service historian").succeeded();
    factory.request("taken", "dev-1", "");
    factory.run("sign --csr taken.csr").exited(5).says("device dev-1 is registered already");
    factory.request("service", "historian", "");
    factory.run("sign --csr service.csr").exited(5).says("historian is a service already");
    factory.request("odd", "dev@2", "");
    factory.run("sign --csr odd.csr").exited(3).says("no device id").says("--device-id");
    factory.request("two", "dev-2/CN=dev-3", "");
    factory.run("sign --csr two.csr").exited(3).says("more than one common name");
    factory.openssl("req -new -key two.key -subj /O=Acme -out none.csr").succeeded();
    factory.run("sign --csr none.csr").exited(3).says("no common name");

    // With --device-id, the common name of the request is ignored.
    factory.run("sign --csr two.csr --device-id dev-7 --out dev-7.pem").succeeded();
    let subject = factory.openssl("x509 -in dev-7.pem -noout -subject").succeeded().stdout;
    assert_eq!(subject.trim(), "subject=O = Acme, CN = dev-7");
}

#[test]
fn one_key_is_certified_once() {
    let factory = Factory::new();
    factory.request("dev-1", "dev-1", "");
    factory.run("sign --csr dev-1.csr").succeeded();
    factory.run("sign --csr dev-1.csr --device-id dev-2").exited(5).says("certified already, for dev-1");
    factory.write("order.csv", "device_id,csr\ndev-3,dev-1.csr\n");
    factory.run("issue --order order.csv").exited(5).says("certified already, for dev-1");
    factory.request("fresh", "fresh", "");
    factory.write("order.csv", "device_id,csr\ndev-3,fresh.csr\ndev-4,fresh.csr\n");
    factory.run("issue --order order.csv").exited(5).says("line 3: dev-4 has the same public key as line 2");
    assert_eq!(factory.json("list").as_array().unwrap().len(), 1);
    assert!(tree(&factory.path("fleet/images")).iter().all(|path| !path.ends_with(".staging")));
}

#[test]
fn an_ordered_request_gets_an_image_that_names_a_key_slot_and_no_key_file() {
    let factory = Factory::new();
    factory.request("dev-1", "ignored", "");
    factory.write("order.csv", "device_id,csr\ndev-1,dev-1.csr\ndev-2,\n");
    factory.run("issue --order order.csv --format bin,pem --key-slot 7").succeeded();
    assert_eq!(
        factory.files("fleet/images"),
        ["dev-1.bin", "dev-1.cert.pem", "dev-2.bin", "dev-2.cert.pem", "dev-2.key.pem"]
    );
    assert_eq!(factory.json("inspect fleet/images/dev-1.bin")["key"], "on the device, slot 7");
    assert_eq!(factory.json("inspect fleet/images/dev-2.bin")["key"], "in the image (not shown)");
}
