//! How much it takes to refuse a certificate, in signatures.

use certificate_path::for_test::Counting;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::*;
use crate::for_test::{MemoryFiles, trust_config};
use crate::trust::proven_paths::REMEMBERED;
use crate::trust::specimen::{DAY, TODAY, at, ca, client, crl, date};
use crate::trust::{Role, TrustLoad};

const REVOKED: u64 = 66;

static COUNTING: [&dyn SignatureVerificationAlgorithm; 1] = [&Counting(webpki::ring::ECDSA_P256_SHA256)];

/// A trust of these CAs, of which the first has revoked a certificate.
fn trust(cas: &[&CertifiedIssuer<'static, KeyPair>]) -> LoadedTrust {
    let mut files = MemoryFiles::default();
    let anchors = files.write("ca.pem", cas.iter().map(|ca| ca.pem()).collect::<String>());
    let lists = cas.iter().enumerate().map(|(index, ca)| crl(ca, 1, (index == 0).then_some(REVOKED)));
    let lists = files.write("ca.crl", lists.collect::<String>());
    let config = trust_config("device-ca", Role::Device, vec![anchors], vec![lists.into()]);
    TrustLoad::read(&config, None, &files, at(TODAY)).and_then(TrustLoad::complete).unwrap()
}

/// The reason, and how many signatures were verified to find it.
fn verified(
    trust: &LoadedTrust,
    leaf: &PeerCertificate,
    presented: &[CertificateDer<'_>],
) -> (Option<Reason>, u32) {
    let (outcome, verified) = Counting::during(|| {
        let end_entity = FitEndEntity::judge(leaf, at(TODAY))?;
        trust.verify_with(&COUNTING, leaf, &end_entity, presented, at(TODAY), &mut Budget::new())
    });
    (outcome.err().map(|(reason, _)| reason), verified)
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
    let end_entity = FitEndEntity::judge(&leaf, at(TODAY)).unwrap();
    let refused = |presented: &[CertificateDer<'_>]| {
        trust.verify(&leaf, &end_entity, presented, at(TODAY), &mut Budget::new()).unwrap_err()
    };
    let (_, claimed) = refused(&[]);
    assert!(claimed.contains("serial 42 ") && claimed.contains("signature was not looked at"), "{claimed}");
    // With the CA's certificate sent along, the long way round finds the same.
    let (reason, proven) = refused(&[own.der().clone()]);
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

/// As the listener asks: what was proven before first.
fn again(
    trust: &LoadedTrust,
    leaf: &PeerCertificate,
    presented: &[CertificateDer<'_>],
    now: u64,
) -> (Option<Reason>, u32) {
    let (outcome, verified) = Counting::during(|| {
        trust.remembered(leaf, presented, at(now)).unwrap_or_else(|| {
            let end_entity = FitEndEntity::judge(leaf, at(now))?;
            trust.verify_with(&COUNTING, leaf, &end_entity, presented, at(now), &mut Budget::new())
        })
    });
    (outcome.err().map(|(reason, _)| reason), verified)
}

#[test]
fn the_signatures_of_a_client_that_comes_back_are_not_checked_again() {
    let own = ca("Device CA");
    let trust = trust(&[&own]);
    let leaf = client(&own, 1, |_| ());
    assert_eq!(again(&trust, &leaf, &[], TODAY), (None, 1));
    assert_eq!(again(&trust, &leaf, &[], TODAY), (None, 0));
    // Whatever comes along: the path leads over configured CAs.
    assert_eq!(again(&trust, &leaf, &[own.der().clone()], TODAY), (None, 0));
    assert_eq!(again(&trust, &leaf, &[ca("Nobody").der().clone()], TODAY), (None, 0));
}

#[test]
fn dates_are_judged_every_time() {
    let own = ca("Device CA");
    let trust = trust(&[&own]);
    let leaf = client(&own, 1, |params| params.not_after = date(TODAY + DAY));
    assert_eq!(again(&trust, &leaf, &[], TODAY), (None, 1));
    assert_eq!(again(&trust, &leaf, &[], TODAY + 2 * DAY), (Some(Reason::Expired), 0));
    assert_eq!(again(&trust, &leaf, &[], TODAY - 11 * DAY), (Some(Reason::NotYetValid), 0));
    // The CA has not begun, or has ended; the leaf lasts longer.
    let leaf = client(&own, 2, |params| {
        (params.not_before, params.not_after) = (date(TODAY - 20 * DAY), date(TODAY + 20 * DAY));
    });
    assert_eq!(again(&trust, &leaf, &[], TODAY), (None, 1));
    assert_eq!(again(&trust, &leaf, &[], TODAY + 15 * DAY).0, Some(Reason::Expired));
    assert_eq!(again(&trust, &leaf, &[], TODAY - 15 * DAY).0, Some(Reason::NotYetValid));
}

#[test]
fn revocation_is_judged_every_time() {
    let own = ca("Device CA");
    let mut trust = trust(&[&own]);
    let leaf = client(&own, 7, |_| ());
    assert_eq!(again(&trust, &leaf, &[], TODAY), (None, 1));
    let mut files = MemoryFiles::default();
    files.write("ca.crl", crl(&own, 2, Some(7)));
    let refused = trust.reload_crls(&files, at(TODAY));
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(again(&trust, &leaf, &[], TODAY), (Some(Reason::Revoked), 0));
    // A list that is too old stops those who come back as well.
    let other = client(&own, 8, |_| ());
    assert_eq!(again(&trust, &other, &[], TODAY), (None, 1));
    assert_eq!(again(&trust, &other, &[], TODAY + 9 * DAY), (Some(Reason::StaleCrl), 0));
}

#[test]
fn a_forged_certificate_with_a_known_serial_is_another_certificate() {
    let (own, namesake) = (ca("Device CA"), ca("Device CA"));
    let trust = trust(&[&own]);
    assert_eq!(again(&trust, &client(&own, 1, |_| ()), &[], TODAY), (None, 1));
    assert_eq!(again(&trust, &client(&namesake, 1, |_| ()), &[], TODAY), (Some(Reason::BadSignature), 1));
    // Refused, it is not remembered as anything.
    assert_eq!(trust.proven.len(), 1);
}

#[test]
fn a_trust_that_is_loaded_anew_has_forgotten_everything() {
    let (own, other) = (ca("Device CA"), ca("Device CA"));
    let before = trust(&[&own]);
    let leaf = client(&own, 1, |_| ());
    assert_eq!(again(&before, &leaf, &[], TODAY), (None, 1));
    assert_eq!(again(&trust(&[&own]), &leaf, &[], TODAY), (None, 1));
    assert_eq!(again(&trust(&[&other]), &leaf, &[], TODAY), (Some(Reason::BadSignature), 1));
}

#[test]
fn a_path_over_presented_cas_is_known_by_all_that_was_presented() {
    let own = ca("Device CA");
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Below");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date(TODAY - DAY), date(TODAY + DAY));
    let below = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &own).unwrap();
    let mut trust = trust(&[&own]);
    trust.config.crl_check = CrlCheck::Off;
    let leaf = client(&below, 1, |_| ());
    let presented = [below.der().clone()];
    assert_eq!(again(&trust, &leaf, &presented, TODAY), (None, 2));
    assert_eq!(again(&trust, &leaf, &presented, TODAY), (None, 0));
    assert_eq!(again(&trust, &leaf, &[], TODAY), (Some(Reason::UnknownCa), 0));
    assert_eq!(again(&trust, &leaf, &presented, TODAY + 2 * DAY).0, Some(Reason::Expired));
}

#[test]
fn thousands_of_certificates_push_out_the_oldest_and_no_more_are_kept() {
    let paths = ProvenPaths::default();
    let path = ProvenPath {
        issuer: AuthorityCertificate::for_test(),
        links: Vec::new(),
        between: 0,
        claim_to_issue: None,
        cas_valid: at(0)..=at(TODAY),
    };
    let id = |number: usize| Fingerprint::of(&number.to_be_bytes());
    for number in 0..5 * REMEMBERED {
        paths.insert(id(number), path.clone());
        // One that comes back again and again stays.
        assert!(paths.get(&id(0), at(TODAY)).is_some(), "{number}");
    }
    assert!(paths.len() <= 2 * REMEMBERED, "{}", paths.len());
    assert!(paths.get(&id(1), at(TODAY)).is_none());
    assert!(paths.get(&id(5 * REMEMBERED - 1), at(TODAY)).is_some());
}
