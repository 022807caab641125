//! `convert`: every format from every other, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::factory::{Factory, tree};

const PLACE: &str = "--address 0x10080000 --uf2-family RP2040";

/// A fleet with a device whose key was made here, and one that made its own.
fn made() -> Factory {
    let factory = Factory::new();
    factory.request("own", "own", "");
    factory.write("order.csv", "device_id,csr\nhosted,\nown,own.csr\n");
    factory
        .run(&format!("issue --order order.csv --format bin,hex,uf2,pem {PLACE} --key-slot 3"))
        .succeeded();
    factory
}

fn read(factory: &Factory, name: &str) -> Vec<u8> {
    fs::read(factory.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files of a format.
fn names(device: &str, format: &str) -> Vec<String> {
    match format {
        "pem" if device == "own" => vec![format!("{device}.cert.pem")],
        "pem" => vec![format!("{device}.cert.pem"), format!("{device}.key.pem")],
        format => vec![format!("{device}.{format}")],
    }
}

#[test]
fn every_format_is_made_of_every_other_to_the_byte_and_back() {
    let factory = made();
    let formats = ["bin", "hex", "uf2", "pem"];
    for device in ["hosted", "own"] {
        for from in formats {
            for to in formats {
                let out = format!("{device}-{from}-{to}");
                let place = if matches!(to, "hex" | "uf2") { PLACE } else { "" };
                // Images say themselves where the key is.
                let slot = if from == "pem" && device == "own" && to != "pem" { "--key-slot 3" } else { "" };
                let source = format!("fleet/images/{}", names(device, from)[0]);
                factory
                    .run(&format!("convert {source} --format {to} {place} {slot} --out {out}/"))
                    .succeeded();
                assert_eq!(factory.files(&out), names(device, to), "{source} to {to}");
                for name in names(device, to) {
                    let (new, issued) = (
                        read(&factory, &format!("{out}/{name}")),
                        read(&factory, &format!("fleet/images/{name}")),
                    );
                    assert!(new == issued, "{name} of {source}");
                }
                // From one to another without options: what the format holds is kept.
                if matches!((from, to), ("hex", "uf2") | ("uf2", "hex") | ("uf2", "uf2")) {
                    let family = if from == "hex" { "--uf2-family 0xe48bff56" } else { "" };
                    let again = factory.run(&format!("convert {source} --format {to} {family} --out {out}"));
                    assert!(again.succeeded().stdout.starts_with("unchanged"), "{source} to {to}");
                }
            }
        }
    }
    for path in tree(&factory.path("hosted-bin-pem")) {
        let mode = fs::metadata(factory.path("hosted-bin-pem").join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn images_need_no_fleet_and_a_pair_needs_no_passphrase() {
    let factory = made();
    fs::copy(factory.path("fleet/images/hosted.bin"), factory.path("hosted.bin")).unwrap();
    let run = |arguments: &str| {
        let mut command = factory.command(arguments);
        crate::factory::CommandOutput::of(command.env_remove("COUNTERSIGN_PASSPHRASE").output().unwrap())
    };
    let json = run(&format!("--fleet nowhere convert hosted.bin --format uf2 {PLACE} --json")).succeeded();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["device_id"], "hosted");
    assert_eq!(json["files"], serde_json::json!([{ "file": "./hosted.uf2", "written": true }]));
    run("convert hosted.bin --format pem --out pair/").succeeded();
    for files in ["hosted.cert.pem", "hosted.key.pem"] {
        run(&format!("convert pair/{files} --format bin --out {files}.bin")).succeeded();
        assert!(read(&factory, &format!("{files}.bin")) == read(&factory, "hosted.bin"));
    }
    // By other names, both are given, in any order.
    fs::rename(factory.path("pair/hosted.cert.pem"), factory.path("chain.pem")).unwrap();
    fs::rename(factory.path("pair/hosted.key.pem"), factory.path("key.pem")).unwrap();
    run("convert key.pem chain.pem --format bin --out a.bin").succeeded();
    run("convert chain.pem key.pem --format bin --out b.bin").succeeded();
    assert!(read(&factory, "a.bin") == read(&factory, "b.bin"));
    run("convert chain.pem --format bin").exited(2).says("chain.pem is a certificate, and its private key");
    run("convert key.pem --format bin").exited(2).says("key.pem is a private key, and its certificate");
    run("--fleet nowhere convert hosted.bin --format pem").exited(3).says("--fleet");
}

#[test]
fn a_file_that_is_there_is_never_replaced() {
    let factory = made();
    let convert = "convert fleet/images/hosted.hex --format bin --out";
    fs::create_dir(factory.path("directory.bin")).unwrap();
    std::os::unix::fs::symlink("nowhere", factory.path("link.bin")).unwrap();
    factory.write("other.bin", "something");
    factory.write("empty.bin", "");
    for (name, words) in [
        ("other.bin", "other.bin exists already, and is not replaced"),
        ("empty.bin", "empty.bin exists already"),
        ("link.bin", "link.bin exists already"),
        ("/dev/null", "/dev/null exists already"),
        ("fleet/device-ca/issuing.key", "issuing.key exists already"),
        ("fleet/images/own.bin", "own.bin exists already"),
    ] {
        factory.run(&format!("{convert} {name}")).exited(5).says(words);
    }
    assert!(Path::new(&factory.path("directory.bin")).is_dir());
    assert_eq!(
        (read(&factory, "other.bin").as_slice(), read(&factory, "empty.bin").len()),
        (&b"something"[..], 0)
    );
    assert!(fs::symlink_metadata(factory.path("nowhere")).is_err());
    // A key that is another's keeps both files from being written.
    factory.write("hosted.key.pem", "other");
    factory.run("convert fleet/images/hosted.bin --format pem --out ./").exited(5);
    assert!(!factory.files(".").contains(&"hosted.cert.pem".to_owned()));
    // One of two that is there already is completed.
    fs::remove_file(factory.path("hosted.key.pem")).unwrap();
    fs::copy(factory.path("fleet/images/hosted.cert.pem"), factory.path("hosted.cert.pem")).unwrap();
    let output = factory.run("convert fleet/images/hosted.bin --format pem --out ./").succeeded().stdout;
    assert!(output.contains("hosted.cert.pem") && output.contains("wrote ./hosted.key.pem"), "{output}");
    factory.run("convert fleet/images/hosted.bin --format pem --out one.pem").exited(2).says("two files");
    assert!(!factory.files(".").iter().any(|name| name.ends_with(".draft")));
}

#[test]
fn what_does_not_fit_together_is_refused_and_what_is_lost_is_said() {
    let factory = made();
    factory.run("issue other --format bin,pem").succeeded();
    let elsewhere = Factory::new();
    elsewhere.run("issue hosted --format bin,pem").succeeded();
    for name in ["hosted.bin", "hosted.cert.pem", "hosted.key.pem"] {
        fs::copy(elsewhere.path(&format!("fleet/images/{name}")), factory.path(&format!("foreign-{name}")))
            .unwrap();
    }
    factory.run("service historian").succeeded();
    factory.write("long.bin", vec![0; 70_000]);
    factory.write("cut.hex", &read(&factory, "fleet/images/hosted.hex")[..100]);
    factory.write("leaf.pem", {
        let chain = String::from_utf8(read(&factory, "fleet/images/hosted.cert.pem")).unwrap();
        chain[..chain.find("-----END CERTIFICATE-----\n").unwrap() + 26].to_owned()
    });
    let before = tree(&factory.path(""));
    for (arguments, code, words) in [
        ("fleet/images/hosted.bin --format hex", 2, "a hex file says where its slot goes"),
        ("fleet/images/hosted.cert.pem --format uf2", 2, "a uf2 file says where its slot goes"),
        ("fleet/images/hosted.hex --format uf2 --uf2-family NRF52840", 2, "none for a slot at 0x10080000"),
        ("fleet/images/hosted.hex --format uf2 --address 0x10080010", 2, "no multiple of 256"),
        ("fleet/images/hosted.bin --format hex --address 0xffffff00", 2, "would end past 0xffffffff"),
        ("fleet/images/hosted.bin --format uf2 --address 0 --uf2-family PICO", 2, "no family has this name"),
        (
            "fleet/images/hosted.bin fleet/images/own.bin --format hex --address 0",
            2,
            "neither one image, nor",
        ),
        ("fleet/images/hosted.bin fleet/images/hosted.key.pem --format pem", 2, "neither one image, nor"),
        (
            "fleet/images/hosted.cert.pem fleet/images/other.key.pem --format bin",
            3,
            "other.key.pem does not belong",
        ),
        ("fleet/images/hosted.cert.pem --format bin --key-slot 1", 2, "is in a file, and a key slot is for"),
        ("fleet/images/own.cert.pem --format bin", 2, "its private key is not beside it"),
        ("foreign-hosted.bin --format pem", 3, "was not issued by the device CA of this fleet"),
        ("foreign-hosted.cert.pem --format bin", 3, "was not issued by the device CA of this fleet"),
        ("leaf.pem fleet/images/hosted.key.pem --format bin", 3, "leaf.pem is not a certificate and that of"),
        (
            "fleet/services/historian.cert.pem --format bin",
            3,
            "was not issued by the device CA of this fleet",
        ),
        ("fleet/device-ca/issuing.key --format bin", 3, "it holds neither certificates alone nor"),
        ("cut.hex --format bin", 3, "cut.hex: line 3: the record"),
        ("long.bin --format hex --address 0", 3, "long.bin has more than 65536 bytes"),
        ("absent.bin --format hex --address 0", 3, "cannot read absent.bin"),
        ("/dev/zero --format hex --address 0", 3, "/dev/zero has more than 65536 bytes"),
    ] {
        factory.run(&format!("convert {arguments} --out new/")).exited(code).says(words);
    }
    assert_eq!(tree(&factory.path("")), before);
    for (arguments, words) in [
        ("fleet/images/hosted.hex --format bin", "give --address 0x10080000 to convert this one back"),
        ("fleet/images/hosted.uf2 --format hex", "give --uf2-family 0xe48bff56 to convert this one back"),
        ("fleet/images/hosted.hex --format uf2", "without --uf2-family, a bootloader that compares"),
        ("fleet/images/hosted.hex --format bin --address 0x2000", "0x00002000 is not in what was written"),
        ("fleet/images/hosted.bin --format pem", "pem files hold neither broker nor trust anchors"),
        ("fleet/images/own.bin --format pem", "the private key is on the device: there is no key.pem"),
        ("fleet/images/hosted.hex --format uf2 --uf2-family 0x12345678", "is known by the number 0x12345678"),
    ] {
        let out = format!("new-{}/", words.len());
        factory.run(&format!("convert {arguments} --out {out}")).succeeded().says(words);
    }
    factory.run("revoke hosted").succeeded();
    factory
        .run("convert fleet/images/hosted.bin --format pem --out revoked/")
        .succeeded()
        .says("the certificate of hosted is revoked");
}
