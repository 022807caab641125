//! Signing requests as the tools of the field write them. Whatever OpenSSL verifies is either taken, or refused in words
//! that are true of it.
//!
//! `requests_of_tools/` holds requests of tools that are not installed where these tests run:
//!
//! ```text
//! keytool.csr  keytool -genkeypair -alias a -keyalg EC -groupname secp256r1 -dname "CN=dev-1, O=Acme" -keystore ks.p12
//!              keytool -certreq -alias a -keystore ks.p12                                         (OpenJDK 17)
//! gnutls.csr   certtool --generate-privkey --key-type ecdsa --curve secp256r1 --outfile k.pem
//!              certtool --generate-request --load-privkey k.pem --template t.cfg                  (GnuTLS 3.7.9)
//! cfssl.csr    cfssl genkey c.json, its member csr                                                (cfssl 1.2)
//! easyrsa.csr  EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1 easyrsa gen-req dev-1 nopass              (easy-rsa 3.1.0)
//! mbedtls.csr  mbedtls.x509.CSR.new(key, "C=NL,O=Acme,CN=dev-1", sha256).to_PEM()         (python-mbedtls, PyPI)
//! ```

use std::fs;
use std::os::unix::fs::symlink;

use crate::factory::{CommandOutput, Factory};

const OF_TOOLS: [(&str, &[u8]); 5] = [
    ("keytool", include_bytes!("requests_of_tools/keytool.csr")),
    ("gnutls", include_bytes!("requests_of_tools/gnutls.csr")),
    ("cfssl", include_bytes!("requests_of_tools/cfssl.csr")),
    ("easyrsa", include_bytes!("requests_of_tools/easyrsa.csr")),
    ("mbedtls", include_bytes!("requests_of_tools/mbedtls.csr")),
];

/// A SEQUENCE, SET, string or BIT STRING of these parts.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let head = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content].concat()
}

/// An attribute of a subject: the last arc of its OID below 2.5.4, and a string of any tag.
fn attribute(arc: u8, tag: u8, text: &[u8]) -> Vec<u8> {
    der(0x31, &[&der(0x30, &[&[6, 3, 0x55, 4, arc], &der(tag, &[text])])])
}

const CN: u8 = 3;
const O: u8 = 10;

/// A request with this subject and these attributes, signed by OpenSSL with `k.key`.
fn assembled(factory: &Factory, subject: &[Vec<u8>], attributes: &[u8]) -> Vec<u8> {
    let spki = factory.openssl("pkey -in k.key -pubout -outform DER -out k.spki");
    spki.succeeded();
    let subject: Vec<&[u8]> = subject.iter().map(Vec::as_slice).collect();
    let spki = fs::read(factory.path("k.spki")).unwrap();
    let info = der(0x30, &[&[2, 1, 0], &der(0x30, &subject), &spki, attributes]);
    factory.write("info", &info);
    factory.openssl("dgst -sha256 -sign k.key -out signature info").succeeded();
    let signature = fs::read(factory.path("signature")).unwrap();
    of(&info, &signature)
}

fn of(info: &[u8], signature: &[u8]) -> Vec<u8> {
    let ecdsa_with_sha256 = [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    der(0x30, &[info, &ecdsa_with_sha256, &der(3, &[&[0], signature])])
}

/// A factory without a fleet, with a P-256 key.
fn with_key() -> Factory {
    let factory = Factory::empty();
    factory.openssl("ecparam -name prime256v1 -genkey -out k.key").succeeded();
    factory
}

/// What `sign` would say against a request file; nothing if it would take it. `inspect` says it without a fleet.
fn refusal(factory: &Factory, file: &str) -> Option<String> {
    let document = factory.json(&format!("inspect {file}"));
    assert_eq!(document["type"], "signing_request", "{document}");
    document["refusal"].as_str().map(str::to_owned)
}

#[test]
fn the_requests_of_other_tools_are_signed() {
    let factory = Factory::new();
    for (tool, request) in OF_TOOLS {
        factory.write("request", request);
        factory.run(&format!("sign --csr request --device-id of-{tool}")).succeeded();
        let key = |command: &str| factory.openssl(&format!("{command} -noout -pubkey")).succeeded().stdout;
        assert_eq!(
            key(&format!("x509 -in fleet/images/of-{tool}.cert.pem")),
            key("req -in request"),
            "{tool}"
        );
    }
    // The common name is the claim, whoever wrote it.
    assert!(OF_TOOLS.iter().all(|(_, request)| !request.is_empty()));
    factory.write("request", OF_TOOLS[0].1);
    factory.run("sign --csr request").exited(5).says("certified already, for of-keytool");
}

#[test]
fn a_request_is_found_in_whatever_text_is_around_it() {
    let factory = with_key();
    factory.openssl("req -new -key k.key -subj /CN=dev-1 -out plain").succeeded();
    let plain = fs::read_to_string(factory.path("plain")).unwrap();
    let key = fs::read_to_string(factory.path("k.key")).unwrap();
    let base64: String = plain.lines().filter(|line| !line.starts_with('-')).collect();
    let text = factory.openssl("req -in plain -text").succeeded().stdout;
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(plain.encode_utf16()).flat_map(bytes).collect()
    };
    for (name, content) in [
        ("the lines of Windows", plain.replace('\n', "\r\n").into_bytes()),
        ("the lines of old Macs", plain.replace('\n', "\r").into_bytes()),
        ("another label", plain.replace("BEGIN ", "BEGIN NEW ").replace("END ", "END NEW ").into_bytes()),
        ("a byte order mark", format!("\u{feff}{plain}").into_bytes()),
        ("UTF-16, little endian", utf16(u16::to_le_bytes)),
        ("UTF-16, big endian", utf16(u16::to_be_bytes)),
        ("text before", text.into_bytes()),
        ("text after", format!("{plain}\nSigned off by: Q. A.\n").into_bytes()),
        ("text that is not UTF-8", [b"Pr\xfcfstand 3\n", plain.as_bytes()].concat()),
        ("8 KiB of text", format!("{}{plain}", "# serial log\n".repeat(630)).into_bytes()),
        ("a key and its parameters before", format!("{key}{plain}").into_bytes()),
        ("a key after", format!("{plain}{key}").into_bytes()),
        ("blanks around lines", plain.replace('\n', "  \n    ").into_bytes()),
        (
            "one line of base64",
            format!("-----BEGIN CERTIFICATE REQUEST-----\n{base64}\n-----END CERTIFICATE REQUEST-----")
                .into_bytes(),
        ),
        ("no last line ending", plain.trim_end().into()),
        ("empty lines within", plain.replace('\n', "\n\n").into_bytes()),
    ] {
        factory.write("wrapped", content);
        assert_eq!(refusal(&factory, "wrapped"), None, "{name}");
    }
    factory.openssl("req -in plain -outform DER -out der").succeeded();
    assert_eq!(refusal(&factory, "der"), None);
}

#[test]
fn what_a_request_says_besides_its_key_need_not_be_readable() {
    let factory = with_key();
    let cn = || attribute(CN, 12, b"dev-1");
    let extensions = fs::read(factory.request("with", "with", "-addext subjectAltName=DNS:x -outform DER"));
    assert!(!extensions.unwrap().is_empty());
    for (name, subject, attributes) in [
        ("absent attributes", vec![cn()], vec![]),
        ("empty attributes", vec![cn()], vec![0xa0, 0]),
        (
            "an attribute that nobody knows",
            vec![cn()],
            der(0xa0, &[&der(0x30, &[&[6, 1, 0x2a], &[0x31, 0]])]),
        ),
        ("an organization in Latin-1", vec![attribute(O, 19, b"M\xfcller"), cn()], vec![0xa0, 0]),
        ("an organization in T61", vec![attribute(O, 20, b"M\xfcller"), cn()], vec![0xa0, 0]),
        ("an at sign in a PrintableString", vec![attribute(O, 19, b"a@b"), cn()], vec![0xa0, 0]),
        ("an organization in UTF-16", vec![attribute(O, 30, b"\0A\0c"), cn()], vec![0xa0, 0]),
        ("a name that is too long", vec![attribute(O, 12, &[b'x'; 300]), cn()], vec![0xa0, 0]),
        ("an empty subject", vec![], vec![0xa0, 0]),
    ] {
        factory.write("odd", assembled(&factory, &subject, &attributes));
        // OpenSSL is the judge of whether there is anything to be taken.
        let judged = factory.openssl("req -inform DER -in odd -noout -verify");
        assert!(judged.stderr.contains("verify OK"), "{name}: {}", judged.stderr);
        assert_eq!(refusal(&factory, "odd"), None, "{name}");
    }
}

#[test]
fn a_common_name_is_read_in_any_of_its_encodings_and_is_needed_for_nothing_but_a_claim() {
    let factory = Factory::new();
    let utf16: Vec<u8> = "dev-16".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let utf32: Vec<u8> = "dev-32".chars().flat_map(|character| u32::from(character).to_be_bytes()).collect();
    for (id, tag, text) in [
        ("dev-8", 12, b"dev-8".to_vec()),
        ("dev-19", 19, b"dev-19".to_vec()),
        ("dev-20", 20, b"dev-20".to_vec()),
        ("dev-22", 22, b"dev-22".to_vec()),
        ("dev-16", 30, utf16),
        ("dev-32", 28, utf32),
    ] {
        factory.openssl("ecparam -name prime256v1 -genkey -noout -out k.key").succeeded();
        factory.write("named", assembled(&factory, &[attribute(CN, tag, &text)], &[0xa0, 0]));
        factory.run("sign --csr named").succeeded();
        assert!(factory.path(&format!("fleet/images/{id}.cert.pem")).exists(), "{id}");
    }
    factory.openssl("ecparam -name prime256v1 -genkey -noout -out k.key").succeeded();
    factory.write("broken", assembled(&factory, &[attribute(CN, 12, b"dev-\xff")], &[0xa0, 0]));
    factory.run("sign --csr broken").exited(3).says("its common name cannot be read").says("--device-id");
    factory.run("sign --csr broken --device-id dev-9").succeeded();
}

#[test]
fn every_request_that_is_refused_is_refused_for_what_it_is() {
    let factory = with_key();
    let refused = |arguments: &str, words: &[&str]| {
        factory.openssl(arguments).succeeded();
        let found = refusal(&factory, "out").expect(arguments);
        for words in words {
            assert!(found.contains(words), "{arguments}: {found}");
        }
        assert!(!found.contains("not by the key in it"), "{arguments}: {found}");
    };
    for (hash, name) in [
        ("sha1", "ecdsa-with-SHA1"),
        ("sha224", "ecdsa-with-SHA224"),
        ("sha512", "ecdsa-with-SHA512"),
        ("sha3-224", "ecdsa-with-SHA3-224"),
        ("sha3-256", "ecdsa-with-SHA3-256"),
        ("sha3-512", "ecdsa-with-SHA3-512"),
    ] {
        refused(&format!("req -new -key k.key -subj /CN=dev-1 -{hash} -out out"), &[name, "SHA-384"]);
    }
    for hash in ["sha256", "sha384"] {
        factory.openssl(&format!("req -new -key k.key -subj /CN=dev-1 -{hash} -out out")).succeeded();
        assert_eq!(refusal(&factory, "out"), None, "{hash}");
    }
    for (conversion, words) in [
        ("-conv_form compressed", "compressed point"),
        ("-conv_form hybrid", "hybrid point"),
        ("-param_enc explicit", "explicit parameters"),
    ] {
        factory.openssl(&format!("ec -in k.key {conversion} -out odd.key")).succeeded();
        refused("req -new -key odd.key -subj /CN=dev-1 -out out", &[words]);
    }
    for (key, words) in [
        ("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out odd.key", "RSA-PSS"),
        ("genpkey -algorithm ed448 -out odd.key", "Ed448"),
        ("ecparam -name brainpoolP256r1 -genkey -noout -out odd.key", "1.3.36.3.3.2.8.1.1.7"),
    ] {
        factory.openssl(key).succeeded();
        refused("req -new -key odd.key -subj /CN=dev-1 -out out", &[words, "only P-256"]);
    }
    // r and s side by side, as PKCS#11 tokens and JOSE have them.
    let right = assembled(&factory, &[attribute(CN, 12, b"dev-1")], &[0xa0, 0]);
    let info = fs::read(factory.path("info")).unwrap();
    factory.write("out", of(&info, &[7; 64]));
    assert!(refusal(&factory, "out").unwrap().contains("r and s side by side"));
    factory.write("out", of(&info, b"\x30\x80\x02\x01\x01\x02\x01\x01\0\0"));
    assert!(refusal(&factory, "out").unwrap().contains("not a DER sequence of r and s"));
    // And what is not signed by its key is still refused for that.
    let other =
        right.iter().rev().skip(1).rev().chain([&(right.last().unwrap() ^ 1)]).copied().collect::<Vec<_>>();
    factory.write("out", other);
    assert!(refusal(&factory, "out").unwrap().contains("not by the key in it"));
}

#[test]
fn a_file_that_is_no_request_is_called_what_it_is() {
    let factory = Factory::new();
    factory.request("dev-1", "dev-1", "");
    let request = fs::read_to_string(factory.path("dev-1.csr")).unwrap();
    let base64: String = request.lines().filter(|line| !line.starts_with('-')).collect();
    factory.openssl("pkey -in dev-1.key -out pkcs8.key").succeeded();
    let read = |file: &str| fs::read_to_string(factory.path(file)).unwrap();
    for (content, words) in [
        (read("fleet/device-ca/root.pem"), "but CERTIFICATE"),
        (read("dev-1.key"), "but EC PRIVATE KEY"),
        (read("pkcs8.key"), "but PRIVATE KEY"),
        (read("fleet/crl/device-ca.crl"), "but X509 CRL"),
        ("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n".to_owned(), "but PKCS7"),
        (format!("{request}{request}"), "holds 2 signing requests"),
        (base64, "base64 without the lines of PEM"),
        (request.replace("-----END CERTIFICATE REQUEST-----", ""), "has no END CERTIFICATE REQUEST"),
        (request.replacen('M', "*", 1), "is not base64"),
        ("device_id,csr\n".to_owned(), "no PKCS#10 signing request"),
    ] {
        factory.write("other", &content);
        factory.run("sign --csr other --device-id dev-1").exited(3).says(words);
    }
    factory.run("sign --csr dev-1.csr").succeeded();
}

#[test]
fn an_order_reads_requests_below_its_folder_and_nothing_else() {
    let factory = Factory::new();
    factory.request("outside", "outside", "");
    fs::create_dir_all(factory.path("stick/requests")).unwrap();
    factory.request("stick/requests/inside", "inside", "");
    let link = |target: &str, name: &str| symlink(target, factory.path(&format!("stick/{name}"))).unwrap();
    link("../outside.csr", "link-out.csr");
    link("..", "link-up");
    link("requests/inside.csr", "link-in.csr");
    link("link-round", "link-round");
    let made = std::process::Command::new("mkfifo").arg(factory.path("stick/pipe")).status().unwrap();
    assert!(made.success());
    factory.write("stick/long.csr", vec![b'x'; 70_000]);
    let absolute = factory.path("outside.csr").display().to_string();
    for (csr, words) in [
        ("../outside.csr", "outside the folder"),
        (absolute.as_str(), "outside the folder"),
        ("link-out.csr", "outside the folder"),
        ("link-up/outside.csr", "outside the folder"),
        ("requests/../../outside.csr", "outside the folder"),
        ("/dev/zero", "outside the folder"),
        ("/dev/stdin", "outside the folder"),
        ("pipe", "a pipe, not a file"),
        ("requests", "a directory, not a file"),
        ("long.csr", "more than 65536 bytes"),
        ("link-round", "symbolic links"),
        ("absent.csr", "No such file"),
        (".", "a directory, not a file"),
    ] {
        factory.write("stick/order.csv", format!("device_id,csr\ndev-1,{csr}\n"));
        factory.run("issue --order stick/order.csv").exited(3).says(words);
    }
    assert!(factory.json("list").as_array().unwrap().is_empty());
    factory.write("stick/order.csv", "device_id,csr\ndev-1,link-in.csr\n");
    factory.run("issue --order stick/order.csv").succeeded();
    // Where the requests are elsewhere, the operator says so.
    fs::create_dir(factory.path("elsewhere")).unwrap();
    factory.write("elsewhere/order.csv", "device_id,csr\ndev-2,outside.csr\n");
    factory.run("issue --order elsewhere/order.csv").exited(3).says("No such file");
    factory.run("issue --order elsewhere/order.csv --csr-dir absent").exited(3).says("cannot read absent");
    factory.run("issue --order elsewhere/order.csv --csr-dir .").succeeded();
}

#[test]
fn what_the_operator_names_may_be_a_pipe_and_is_read_to_a_limit() {
    let factory = Factory::new();
    factory.request("dev-1", "dev-1", "");
    factory.request("dev-2", "dev-2", "");
    let bash = |script: &str| {
        let mut command = factory.command("");
        let program = command.get_program().to_owned();
        command = {
            let mut bash = std::process::Command::new("bash");
            bash.args(["-c", script]).current_dir(factory.path("."));
            bash.env("COUNTERSIGN_PASSPHRASE", crate::factory::PASSPHRASE).env("P", program);
            bash
        };
        CommandOutput::of(command.output().unwrap())
    };
    bash("$P sign --csr <(cat dev-1.csr)").succeeded();
    bash("$P inspect <(cat fleet/device-ca/root.pem)").succeeded();
    bash("cat fleet/device-ca/root.pem | $P inspect /dev/stdin").succeeded();
    bash("$P issue --order <(printf 'device_id\\ndev-7\\n')").succeeded();
    bash("$P issue --order <(printf 'device_id,csr\\ndev-2,dev-2.csr\\n')").exited(3).says("--csr-dir");
    bash("$P issue --order <(printf 'device_id,csr\\ndev-2,dev-2.csr\\n') --csr-dir .").succeeded();
    factory.run("sign --csr /dev/zero --device-id dev-9").exited(3).says("more than 65536 bytes");
    factory.run("inspect /dev/zero").exited(3).says("more than");
    factory.run("sign --csr fleet --device-id dev-9").exited(3).says("Is a directory");
    factory.run("inspect fleet").exited(3).says("Is a directory");
    // A file of the fleet is a file.
    let key = factory.path("fleet/device-ca/issuing.key");
    fs::remove_file(&key).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&key).status().unwrap().success());
    factory.run("issue dev-9").exited(3).says("a pipe, not a file");
    fs::remove_file(&key).unwrap();
    symlink("/dev/zero", &key).unwrap();
    factory.run("issue dev-9").exited(3).says("a device, not a file");
}
