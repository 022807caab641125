//! Images that are wrong, each refused with exit code 3 and its own words.

use std::process::{Command, Output};

use device_identity::image::PrivateKey;
use rcgen::{BasicConstraints, IsCa, KeyUsagePurpose};
use tempfile::TempDir;

use crate::pki::{Ca, Fleet, ImageSpec};

fn run(image: &[u8]) -> Output {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("image.bin");
    std::fs::write(&path, image).unwrap();
    Command::new(env!("CARGO_BIN_EXE_countersign-agent"))
        .args(["run", "--image"])
        .arg(path)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

fn refused(image: &[u8]) -> String {
    let output = run(image);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains("\nhelp: "), "{stderr}");
    // Without the path, which is another one every time.
    let error = stderr.lines().next().unwrap();
    error.split_once("image.bin").map_or(error, |(_, after)| after).to_owned()
}

fn spec(change: impl FnOnce(&mut ImageSpec, &Fleet)) -> Vec<u8> {
    let fleet = Fleet::new();
    let mut spec = ImageSpec::new(&fleet, "pump-1", 1);
    change(&mut spec, &fleet);
    spec.slot().to_vec()
}

#[test]
fn every_fault_of_an_image_has_its_own_words() {
    let good = spec(|_, _| ());
    let changed = |offset: usize, byte: u8| {
        let mut image = good.clone();
        image[offset] = byte;
        image
    };
    let mut longer = good.clone();
    longer.push(0xff);
    let no_ca = Ca::with("no CA", |params| params.is_ca = IsCa::NoCa);
    let no_signer = Ca::with("may not sign", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    let p384 = {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "pump-1");
        params.self_signed(&key).unwrap().der().to_vec()
    };
    let fleet = Fleet::new();
    let in_slot = ImageSpec::new(&fleet, "pump-1", 1).slot_with_key(PrivateKey::Slot(3)).to_vec();

    let cases = [
        ("erased flash", vec![0xff; 4096], "does not start with CSGN"),
        ("another version", changed(4, 9), "version"),
        ("a flipped bit", changed(40, good[40] ^ 1), "checksum"),
        ("cut short", good[..100].to_vec(), "the region has 100"),
        ("longer than a slot", longer, "longer than a credential slot"),
        ("another device's key", spec(|spec, fleet| spec.key = fleet.device("pump-1")), "key does not match"),
        (
            "another device's certificate",
            spec(|spec, fleet| {
                spec.certificate = fleet.device("pump-2");
                spec.key = spec.certificate.clone();
            }),
            "certificate is not this device's: the image is for pump-1, its certificate for pump-2",
        ),
        (
            "a certificate that names no device",
            spec(|spec, fleet| spec.certificate = fleet.device("no/device")),
            "names no device",
        ),
        (
            "no certificate at all",
            spec(|spec, _| spec.certificate.der = vec![1, 2, 3]),
            "certificate is unreadable",
        ),
        ("a P-384 certificate", spec(|spec, _| spec.certificate.der = p384), "not for a P-256 key"),
        ("a key in a secure element", in_slot, "key slot 3"),
        ("an anchor that is no CA", spec(|spec, _| spec.anchors = vec![no_ca.der]), "it is no CA"),
        (
            "an anchor that may not sign",
            spec(|spec, _| spec.anchors.push(no_signer.der)),
            "broker anchor 1 of the image cannot be trusted: its key usage",
        ),
        ("an anchor that is noise", spec(|spec, _| spec.anchors = vec![vec![7; 9]]), "no certificate in DER"),
        ("a server name that is none", spec(|spec, _| spec.server_name = "a..b".into()), "server name"),
    ];
    let mut all = Vec::new();
    for (case, image, words) in cases {
        let error = refused(&image);
        assert!(error.contains(words), "{case}: {error}");
        all.push(error);
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "two faults have the same words: {all:#?}");
}

#[test]
fn a_missing_file_is_refused_with_its_path() {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-agent"))
        .args(["run", "--image", "/nowhere/pump-1.bin"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("/nowhere/pump-1.bin"), "{stderr}");
}

#[test]
fn the_private_key_is_nowhere_in_what_a_refusal_prints() {
    let fleet = Fleet::new();
    let mut spec = ImageSpec::new(&fleet, "pump-1", 1);
    spec.certificate = fleet.device("pump-2");
    let output = run(&spec.slot());
    let stderr = String::from_utf8(output.stderr).unwrap().to_lowercase();
    let key: String = spec.key.key_der[36..68].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!stderr.contains(&key[..16]), "{stderr}");
}

#[test]
fn wrong_arguments_are_usage_errors_and_help_is_none() {
    let code = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign-agent")).args(args).output().unwrap();
        output.status.code()
    };
    assert_eq!(code(&["run"]), Some(2));
    assert_eq!(code(&["walk"]), Some(2));
    assert_eq!(code(&["run", "--image", "x", "--log", "loud"]), Some(2));
    assert_eq!(code(&["run", "--help"]), Some(0));
    assert_eq!(code(&["completions", "bash"]), Some(0));
}
