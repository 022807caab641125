//! How much it takes to refuse a certificate, in signatures.

use std::cell::Cell;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature};

use super::*;
use crate::for_test::MemoryFiles;
use crate::trust::specimen::{DAY, TODAY, at, ca, client, crl, date};
use crate::trust::{Role, TrustName};

const REVOKED: u64 = 66;

thread_local! {
    static VERIFIED: Cell<usize> = const { Cell::new(0) };
}

/// ECDSA on P-256, and a count of how often.
#[derive(Debug)]
struct Counting;

impl SignatureVerificationAlgorithm for Counting {
    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        webpki::ring::ECDSA_P256_SHA256.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        webpki::ring::ECDSA_P256_SHA256.signature_alg_id()
    }

    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        VERIFIED.set(VERIFIED.get() + 1);
        webpki::ring::ECDSA_P256_SHA256.verify_signature(key, message, signature)
    }
}

/// A trust of these CAs, of which the first has revoked a certificate.
fn trust(cas: &[&CertifiedIssuer<'static, KeyPair>]) -> LoadedTrust {
    let mut files = MemoryFiles::default();
    let mut write = |name: &str, text: String| vec![files.write(name, text)];
    let config = TrustConfig {
        name: TrustName::new("device-ca"),
        role: Role::Device,
        anchors: write("ca.pem", cas.iter().map(|ca| ca.pem()).collect()),
        intermediates: Vec::new(),
        crl: write(
            "ca.crl",
            cas.iter().enumerate().map(|(index, ca)| crl(ca, 1, (index == 0).then_some(REVOKED))).collect(),
        ),
        crl_check: CrlCheck::Leaf,
        stale_crl: StaleCrl::DenyNew,
        stale_grace: Duration::from_secs(DAY),
    };
    LoadedTrust::load(&config, None, &files, at(TODAY)).unwrap()
}

/// The reason, and how many signatures were verified to find it.
fn verified(
    trust: &LoadedTrust,
    leaf: &PeerCertificate,
    presented: &[CertificateDer<'_>],
) -> (Option<Reason>, usize) {
    VERIFIED.set(0);
    let verified = trust.verify_with(&[&Counting], leaf, presented, at(TODAY));
    (verified.err().map(|(reason, _)| reason), VERIFIED.get())
}

#[test]
fn no_signature_is_verified_where_another_fault_is_known() {
    let (own, namesake, stranger) = (ca("Device CA"), ca("Device CA"), ca("Nobody"));
    let trust = trust(&[&own]);
    let expired = |params: &mut CertificateParams| params.not_after = date(TODAY - 1);
    for (what, leaf, outcome) in [
        ("a good one", client(&own, 1, |_| ()), (None, 1)),
        ("revoked", client(&own, REVOKED, |_| ()), (Some(Reason::Revoked), 0)),
        ("expired", client(&own, 1, expired), (Some(Reason::Expired), 0)),
        ("revoked, and expired", client(&own, REVOKED, expired), (Some(Reason::Expired), 0)),
        (
            "not begun",
            client(&own, 1, |params| params.not_before = date(TODAY + 1)),
            (Some(Reason::NotYetValid), 0),
        ),
        (
            "for servers, and revoked",
            client(&own, REVOKED, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            (Some(Reason::WrongUsage), 0),
        ),
        (
            "a CA",
            client(&own, 1, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            (Some(Reason::WrongUsage), 0),
        ),
        ("of an unknown CA", client(&stranger, REVOKED, |_| ()), (Some(Reason::UnknownCa), 0)),
        ("forged", client(&namesake, 1, |_| ()), (Some(Reason::BadSignature), 1)),
        ("forged to look revoked", client(&namesake, REVOKED, |_| ()), (Some(Reason::Revoked), 0)),
    ] {
        assert_eq!(verified(&trust, &leaf, &[]), outcome, "{what}");
    }
}

#[test]
fn the_evidence_says_that_no_signature_was_verified() {
    let own = ca("Device CA");
    let trust = trust(&[&own]);
    let leaf = client(&own, REVOKED, |_| ());
    let (_, claimed) = trust.verify(&leaf, &[], at(TODAY)).unwrap_err();
    assert!(claimed.contains("serial 42 ") && claimed.contains("signature was not looked at"), "{claimed}");
    // With the CA's certificate sent along, the long way round finds the same.
    let (reason, proven) = trust.verify(&leaf, &[own.der().clone()], at(TODAY)).unwrap_err();
    assert_eq!(reason, Reason::Revoked);
    assert!(claimed.starts_with(&proven) && !proven.contains("signature"), "{proven}");
}

/// While a CA changes its key, its old and its new certificate may have given the same serial number to two clients.
#[test]
fn a_revocation_by_one_ca_does_not_count_for_another_of_the_same_name() {
    let (old, new) = (ca("Device CA"), ca("Device CA"));
    let trust = trust(&[&old, &new]);
    assert_eq!(verified(&trust, &client(&new, REVOKED, |_| ()), &[]).0, None);
    assert_eq!(verified(&trust, &client(&old, REVOKED, |_| ()), &[]).0, Some(Reason::Revoked));
}
