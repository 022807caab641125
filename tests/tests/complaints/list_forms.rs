//! Lists in every form that CAs and their tools give them.

use std::fs;

use integration_tests::broker::{Broker, operate};
use integration_tests::fleet::Fleet;
use integration_tests::mqtt::{Connect, Version};
use integration_tests::pki::{Crl, Forger};
use integration_tests::site::Site;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::PROGRAMS;
use crate::lists::{LIST, LIST_KEY, der, list_in_force, published, sign};
use crate::visit::{is_cut_off, meets_soon, met};

#[test]
fn der_is_read_and_what_is_no_list_is_refused_aloud() {
    let fleet = Fleet::new(PROGRAMS);
    let (device, stolen, newcomer) = (fleet.device("dev-1"), fleet.device("dev-2"), fleet.device("dev-3"));
    fleet.revoke("dev-2");
    fleet.replace(LIST, &der(&published(&fleet)));
    assert!(fs::read(fleet.file(LIST)).expect("the list").starts_with(&[0x30]), "it is DER");
    let site = Site { broker: Broker::start(&fleet), service: fleet.service("backend"), device, fleet };
    assert_eq!(met(&site, &site.device, "dev-1"), "in");
    assert_eq!(met(&site, &stolen, "dev-2"), "revoked");
    let mut session = site.dev_1(Version::V5);
    for (what, content) in [
        ("text", b"-----BEGIN nothing".to_vec()),
        ("an empty file", Vec::new()),
        ("a certificate", fs::read(&stolen.certificate).expect("a certificate")),
        ("half of a list in DER", {
            let list = fs::read(site.fleet.file(LIST)).expect("the list");
            list[..list.len() / 2].to_vec()
        }),
    ] {
        let mark = site.broker.log().mark();
        site.fleet.replace(LIST, &content);
        let complaint = site.broker.log().complaint(mark, "refused");
        assert!(complaint.to_string().contains(LIST), "{what}: {complaint}");
        assert!(session.is_alive(), "{what}");
        assert_eq!(met(&site, &newcomer, "dev-3"), "in", "{what}");
        assert_eq!(met(&site, &stolen, "dev-2"), "revoked", "{what}");
        assert_eq!(operate(&site.fleet, "check", &[]).code, 3, "{what}");
    }
    // DER again, and by now the other one is on it.
    site.fleet.revoke("dev-1");
    site.fleet.replace(LIST, &der(&published(&site.fleet)));
    is_cut_off(&mut session, Version::V5);
}

/// How many certificates a list revokes; `None` where the field is absent, as it must be when there are none.
fn entries(list: &[u8]) -> Option<usize> {
    let list = der(list);
    let (_, list) = CertificateRevocationList::from_der(&list).expect("a list");
    Some(list.iter_revoked_certificates().count()).filter(|count| *count > 0)
}

/// The first list of every CA is one without entries, and the last may be one, too.
#[test]
fn a_list_without_entries_is_in_force_like_any_other() {
    let site = Site::new(PROGRAMS);
    assert_eq!(entries(&published(&site.fleet)), None);
    let mut other = site.connect(&site.fleet.device("dev-2"), &Connect::new(Version::V5, "dev-2"));
    for _ in 0..2 {
        assert_eq!(met(&site, &site.device, "dev-1"), "in");
        site.fleet.suspend("dev-1");
        assert_eq!(entries(&published(&site.fleet)), Some(1));
        meets_soon(&site, &site.device, "dev-1", "suspended");
        site.fleet.resume("dev-1");
        assert_eq!(entries(&published(&site.fleet)), None);
        meets_soon(&site, &site.device, "dev-1", "in");
        assert_eq!(list_in_force(&site.fleet)["entries"], 0);
    }
    assert!(other.is_alive());
    // A broker that starts with it lets everybody in.
    let Site { broker, fleet, device, service } = site;
    drop(broker);
    let site = Site { broker: Broker::start(&fleet), fleet, device, service };
    assert_eq!(met(&site, &site.device, "dev-1"), "in");
}

/// Its root is nowhere in the configuration, and the root's list neither.
#[test]
fn the_list_of_an_intermediate_that_is_the_anchor_refuses_whom_it_names_alone() {
    for check in ["leaf", "chain"] {
        let site = Site::configured(PROGRAMS, |fleet| {
            fleet.configure("crl-check = \"leaf\"", &format!("crl-check = \"{check}\""));
        });
        let anchor =
            CertificateDer::from_pem_file(site.fleet.file("device-ca/issuing.pem")).expect("an anchor");
        let (_, anchor) = X509Certificate::from_der(&anchor).expect("a certificate");
        assert_ne!(anchor.subject(), anchor.issuer(), "it is an intermediate");
        let stolen = site.fleet.device("dev-2");
        assert_eq!(met(&site, &stolen, "dev-2"), "in", "{check}: an empty list keeps nobody out");
        site.fleet.revoke("dev-2");
        meets_soon(&site, &stolen, "dev-2", "revoked");
        assert_eq!(met(&site, &site.device, "dev-1"), "in", "{check}");
    }
}

/// The root is the anchor, and its list has the CA that issued the device: that counts where the trust says so.
#[test]
fn chain_looks_at_the_lists_of_cas_above_and_leaf_does_not() {
    for (check, outcome) in [("leaf", "in"), ("chain", "revoked")] {
        let site = Site::configured(PROGRAMS, |fleet| {
            let pem = fs::read(fleet.file("device-ca/issuing.pem")).expect("a certificate");
            let issuing = CertificateDer::from_pem_slice(&pem).expect("a certificate");
            let (_, issuing) = X509Certificate::from_der(&issuing).expect("a certificate");
            let list = Crl { revoked: vec![issuing.raw_serial().to_vec()], ..Crl::fresh() };
            let root = Forger::with_root_key_of(fleet, "device-ca");
            fleet.replace("crl/root.crl", root.crl(&Crl::fresh()).as_bytes());
            fleet.replace("crl/root-next.crl", root.crl(&Crl { number: list.number + 1, ..list }).as_bytes());
            fleet.configure(
                "anchors = [\"device-ca/issuing.pem\"]",
                "anchors = [\"device-ca/root.pem\"]\nintermediates = [\"device-ca/issuing.pem\"]",
            );
            fleet.configure(LIST_KEY, "crl = [\"crl/device-ca.crl\", \"crl/root.crl\"]");
            fleet.configure("crl-check = \"leaf\"", &format!("crl-check = \"{check}\""));
        });
        let mut session = site.dev_1(Version::V5);
        let mark = site.broker.log().mark();
        fs::rename(site.fleet.file("crl/root-next.crl"), site.fleet.file("crl/root.crl")).expect("a file");
        let is_roots = |line: &serde_json::Value| line["issuer"].to_string().contains("Root CA");
        site.broker.log().line(mark, |line| line["message"] == "revocation list in force" && is_roots(line));
        if outcome == "revoked" {
            is_cut_off(&mut session, Version::V5);
        } else {
            assert!(session.is_alive());
        }
        assert_eq!(met(&site, &site.device, "dev-1"), outcome, "{check}");
    }
}

const POINT: &str = "http://crl.example/device-ca.crl";

/// A list that says it is that of one distribution point: taken where the trust names it, and refused in words where not.
#[test]
fn a_list_with_a_scope_is_taken_if_the_trust_names_it_and_else_the_words_say_why() {
    let in_parts = |fleet: &Fleet, number: u64, revoked: Vec<Vec<u8>>| {
        let (point, number) = (Some(POINT.to_owned()), Crl::fresh().number + number);
        sign(fleet, &Crl { distribution_point: point, number, revoked, ..Crl::fresh() });
    };
    let site = Site::configured(PROGRAMS, |fleet| {
        fleet.configure(LIST_KEY, &format!("{LIST_KEY}\ncrl-idp = [\"{POINT}\"]"));
        in_parts(fleet, 0, Vec::new());
    });
    let stolen = site.fleet.device("dev-2");
    assert_eq!(met(&site, &stolen, "dev-2"), "in");
    in_parts(&site.fleet, 100, vec![stolen.serial()]);
    meets_soon(&site, &stolen, "dev-2", "revoked");
    assert_eq!(met(&site, &site.device, "dev-1"), "in");

    // The update that brings such a list to a broker that was not told: the one before stays.
    let site = Site::new(PROGRAMS);
    let mark = site.broker.log().mark();
    in_parts(&site.fleet, 0, vec![site.device.serial()]);
    let complaint = site.broker.log().complaint(mark, "refused").to_string();
    assert!(complaint.contains(POINT) && complaint.contains("crl-idp"), "{complaint}");
    assert_eq!(met(&site, &site.device, "dev-1"), "in");
    // Nor does a broker start with it, that has none before.
    let fleet = Fleet::new(PROGRAMS);
    in_parts(&fleet, 0, Vec::new());
    fs::remove_file(fleet.file("crl/service-ca.crl")).expect("a file can be removed");
    let refused = Broker::refuse_to_start(&fleet);
    assert!(refused.code == 3 && refused.stderr.contains(POINT), "{}", refused.stderr);
}
