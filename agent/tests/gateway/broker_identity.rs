//! Which servers the agent takes for its broker.

use std::process::Stdio;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use tempfile::TempDir;

use crate::agent::Agent;
use crate::mosquitto::Mosquitto;
use crate::pki::{Ca, Fleet, ImageSpec, Leaf};
use crate::scripted_broker::{ACCEPTED, ScriptedBroker, connect, serve};

fn server_cert(ca: &Ca, names: &[&str], usage: &[ExtendedKeyUsagePurpose]) -> Leaf {
    ca.leaf("server", |params| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
        params.extended_key_usages = usage.to_vec();
    })
}

const SERVER: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ServerAuth];
const CLIENT: &[ExtendedKeyUsagePurpose] = &[ExtendedKeyUsagePurpose::ClientAuth];

/// What the agent says of a server with `chain`: `online`, or the cause it is offline for.
fn verdict(
    chain: Vec<Vec<u8>>,
    leaf: &Leaf,
    fleet: &Fleet,
    change: impl FnOnce(&mut ImageSpec),
) -> (String, String) {
    let broker = ScriptedBroker::start_with_chain(chain, &leaf.key_der, None, |mut stream| {
        connect(&mut stream, ACCEPTED)?;
        serve(stream, |_| Some(0))
    });
    let mut spec = ImageSpec::new(fleet, "pump-1", broker.port);
    change(&mut spec);
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    spec.write(&image);
    let mut agent = Agent::start_with_stdin(&image, &[], Stdio::null());
    let entry = agent.logged("an outcome", |entry| entry["state"] == "online" || entry["cause"].is_string());
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (if entry["state"] == "online" { "online".into() } else { text("cause") }, text("detail"))
}

#[test]
fn the_broker_of_the_image_is_taken_by_name_and_by_address() {
    let fleet = Fleet::new();
    let leaf = fleet.broker();
    for name in ["localhost", "127.0.0.1"] {
        let (outcome, detail) =
            verdict(vec![leaf.der.clone()], &leaf, &fleet, |spec| spec.server_name = name.into());
        assert_eq!(outcome, "online", "{name}: {detail}");
    }
}

#[test]
fn a_chain_is_followed_to_any_of_the_anchors() {
    let fleet = Fleet::new();
    let other = Ca::new("another broker CA");
    let issuing = fleet.brokers.issuing("issuing broker CA");
    let leaf = server_cert(&issuing, &["localhost"], SERVER);
    let chain = vec![leaf.der.clone(), issuing.der.clone()];
    let (outcome, detail) =
        verdict(chain.clone(), &leaf, &fleet, |spec| spec.anchors.insert(0, other.der.clone()));
    assert_eq!(outcome, "online", "the root among two anchors: {detail}");
    // The issuing CA allows no CA below it; that it is sent along is no such CA.
    let (outcome, detail) = verdict(chain, &leaf, &fleet, |spec| spec.anchors = vec![issuing.der.clone()]);
    assert_eq!(outcome, "online", "the issuing CA itself: {detail}");
}

#[test]
fn no_other_server_is_taken_for_the_broker() {
    let fleet = Fleet::new();
    let same_name = Ca::new("broker CA");
    let past = fleet.brokers.leaf("past", |params| {
        params.subject_alt_names =
            CertificateParams::new(vec!["localhost".into()]).unwrap().subject_alt_names;
        params.extended_key_usages = SERVER.to_vec();
        params.not_after = date_time_ymd(2025, 1, 1);
    });
    let ended = Ca::with("broker CA that ended", |params| params.not_after = date_time_ymd(2025, 1, 1));
    let short = Ca::with("broker CA without CAs below", |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    });
    let below_short = short.issuing("one CA too many");
    let cases: Vec<(&str, Leaf, Vec<u8>, Vec<u8>)> = vec![
        ("another name", server_cert(&fleet.brokers, &["elsewhere"], SERVER), vec![], vec![]),
        ("the address but not the name", server_cert(&fleet.brokers, &["127.0.0.1"], SERVER), vec![], vec![]),
        ("another CA", server_cert(&fleet.services, &["localhost"], SERVER), vec![], vec![]),
        ("a CA of the same name", server_cert(&same_name, &["localhost"], SERVER), vec![], vec![]),
        ("a device of the fleet", fleet.device("pump-2"), vec![], vec![]),
        (
            "a device certificate that says localhost",
            server_cert(&fleet.devices, &["localhost"], CLIENT),
            vec![],
            vec![],
        ),
        (
            "a device certificate trusted as an anchor by mistake",
            server_cert(&fleet.devices, &["localhost"], CLIENT),
            vec![],
            fleet.devices.der.clone(),
        ),
        ("a purpose of clients", server_cert(&fleet.brokers, &["localhost"], CLIENT), vec![], vec![]),
        ("no purpose", server_cert(&fleet.brokers, &["localhost"], &[]), vec![], vec![]),
        ("an ended certificate", past, vec![], vec![]),
        ("an ended anchor", server_cert(&ended, &["localhost"], SERVER), vec![], ended.der.clone()),
        (
            "a longer path than the anchor allows",
            server_cert(&below_short, &["localhost"], SERVER),
            below_short.der.clone(),
            short.der.clone(),
        ),
    ];
    for (case, leaf, issuing, anchor) in cases {
        let mut chain = vec![leaf.der.clone()];
        chain.extend((!issuing.is_empty()).then_some(issuing));
        let (outcome, detail) = verdict(chain, &leaf, &fleet, |spec| {
            if !anchor.is_empty() {
                spec.anchors = vec![anchor];
            }
        });
        assert_eq!(outcome, "broker_not_trusted", "{case}: {detail}");
    }
}

#[test]
fn a_clock_behind_the_time_floor_verifies_no_certificate() {
    let fleet = Fleet::new();
    let leaf = fleet.broker();
    let (outcome, detail) =
        verdict(vec![leaf.der.clone()], &leaf, &fleet, |spec| spec.time_floor = 5_000_000_000);
    assert_eq!(outcome, "clock", "{detail}");
}

#[test]
fn mosquitto_with_the_certificate_of_a_device_is_no_broker() {
    let fleet = Fleet::new();
    let mosquitto = Mosquitto::start(&fleet, &server_cert(&fleet.devices, &["localhost"], CLIENT));
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("pump-1.bin");
    ImageSpec::new(&fleet, "pump-1", mosquitto.port).write(&image);
    let mut agent = Agent::start_with_stdin(&image, &[], Stdio::null());
    assert_eq!(agent.state("offline")["cause"], "broker_not_trusted");
}
