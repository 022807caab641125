//! Small random PKIs, judged here and by rustls-webpki.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rcgen::{BasicConstraints, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use webpki::{EndEntityCert, KeyUsage};

use super::pki::{COUNTING, DAY, TODAY, at, ca_params, date, leaf_params, prove};
use crate::*;

const NAMES: [&str; 3] = ["A", "B", "C"];

thread_local! {
    static KEYS: Vec<KeyPair> = (0..3).map(|_| KeyPair::generate().unwrap()).collect();
}

#[derive(Clone, Debug)]
struct Made {
    subject: usize,
    key: usize,
    issuer: usize,
    signer: usize,
    path_len: Option<u8>,
    is_expired: bool,
    may_sign: bool,
    key_ids: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let name = || 0..NAMES.len();
    (
        name(),
        0..3usize,
        name(),
        0..3usize,
        proptest::option::weighted(0.2, 0..2u8),
        0..10u8,
        0..10u8,
        any::<bool>(),
    )
        .prop_map(|(subject, key, issuer, signer, path_len, expired, may_sign, key_ids)| Made {
            subject,
            key,
            issuer,
            signer,
            path_len,
            is_expired: expired == 0,
            may_sign: may_sign != 0,
            key_ids,
        })
}

impl Made {
    fn sign(&self, mut params: rcgen::CertificateParams) -> Vec<u8> {
        params.use_authority_key_identifier_extension = self.key_ids;
        if self.is_expired {
            params.not_after = date(TODAY - DAY);
        }
        let issuer = ca_params(NAMES[self.issuer]);
        KEYS.with(|keys| {
            let issuer = Issuer::from_params(&issuer, &keys[self.signer]);
            params.signed_by(&keys[self.key], &issuer).unwrap().der().to_vec()
        })
    }

    fn ca(&self) -> Vec<u8> {
        let mut params = ca_params(NAMES[self.subject]);
        if let Some(path_len) = self.path_len {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
        }
        if !self.may_sign {
            params.key_usages = vec![KeyUsagePurpose::CrlSign];
        }
        self.sign(params)
    }

    fn leaf(&self) -> Vec<u8> {
        let this = Self { is_expired: false, ..self.clone() };
        this.sign(leaf_params("dev-1"))
    }
}

/// What webpki makes of it.
fn webpki_proves(anchors: &[Vec<u8>], intermediates: &[&[u8]], leaf: &[u8]) -> bool {
    let ders: Vec<CertificateDer<'_>> = anchors.iter().map(|der| CertificateDer::from(&**der)).collect();
    let anchors: Vec<_> = ders.iter().map(|der| webpki::anchor_from_trusted_cert(der).unwrap()).collect();
    let intermediates: Vec<CertificateDer<'_>> =
        intermediates.iter().map(|der| CertificateDer::from(*der)).collect();
    let leaf = CertificateDer::from(leaf);
    let leaf = EndEntityCert::try_from(&leaf).unwrap();
    let verified = leaf.verify_for_usage(
        COUNTING,
        &anchors,
        &intermediates,
        at(TODAY),
        KeyUsage::client_auth(),
        None,
        None,
    );
    verified.is_ok()
}

/// What is proven here, webpki proves. What webpki proves and is not proven here, is refused for something that webpki
/// leaves to its caller, or for the budget.
#[test]
fn paths_are_those_of_webpki() {
    let mut runner = TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let anchors = proptest::collection::vec(made(), 1..3);
    let configured = proptest::collection::vec(made(), 0..3);
    let presented = proptest::collection::vec(made(), 0..4);
    let (proven, refused) = (Cell::new(0), Cell::new(0));
    let outcome =
        runner.run(&(anchors, configured, presented, made()), |(anchors, configured, presented, leaf)| {
            let count = if compare(&anchors, &configured, &presented, &leaf)? { &proven } else { &refused };
            count.set(count.get() + 1);
            Ok(())
        });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(proven.get() > 200 && refused.get() > 200, "{proven:?} {refused:?}");
}

/// A presented cross-certificate replaces no expired anchor above a configured intermediate: what is configured is joined
/// once, and peers cannot change it.
#[test]
fn a_configured_intermediate_below_an_expired_anchor_is_of_no_use() {
    let ca = |subject, key, issuer, signer| Made {
        subject,
        key,
        issuer,
        signer,
        path_len: None,
        is_expired: false,
        may_sign: true,
        key_ids: false,
    };
    let expired = Made { is_expired: true, ..ca(2, 2, 0, 0) };
    let anchors = [ca(1, 0, 0, 0), expired];
    let (configured, cross_certificate, leaf) = (ca(0, 1, 2, 2), ca(2, 2, 1, 0), ca(0, 0, 0, 1));
    let one = std::slice::from_ref::<Made>;
    assert!(!compare(&anchors, one(&configured), one(&cross_certificate), &leaf).unwrap());
    // With all of it presented, it proves the leaf.
    assert!(compare(&anchors, &[], &[configured, cross_certificate], &leaf).unwrap());
}

/// Whether it is proven.
fn compare(
    anchors: &[Made],
    configured: &[Made],
    presented: &[Made],
    leaf: &Made,
) -> Result<bool, TestCaseError> {
    let limits_anchors = anchors.iter().chain(configured).any(|made| made.path_len.is_some());
    let read = |made: &[Made]| -> Vec<CaCertificate> {
        made.iter().filter_map(|made| CaCertificate::parse(&made.ca(), Purpose::Client).ok()).collect()
    };
    // A self-issued CA does not count against a path length (RFC 5280 §4.2.1.9), and webpki counts it.
    let made = || anchors.iter().chain(configured).chain(presented);
    let counts_otherwise =
        made().any(|made| made.path_len.is_some()) && made().any(|made| made.subject == made.issuer);
    let (anchors, intermediates) = (read(anchors), read(configured));
    let presented: Vec<Vec<u8>> = presented.iter().map(Made::ca).collect();
    let presented: Vec<&[u8]> = presented.iter().map(Vec::as_slice).collect();
    let leaf = leaf.leaf();

    // What webpki leaves to its caller: key usage of every CA, validity of anchors. And a configured intermediate that no
    // configured CA issued, or none that is still valid, is of no use here, whatever a peer presents.
    let current = |cas: &[CaCertificate]| -> Vec<Vec<u8>> {
        let ders = cas.iter().map(|ca| ca.certificate().der());
        ders.filter(|der| Certificate::parse(der).unwrap().not_after() >= at(TODAY))
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (current_anchors, current_intermediates) = (current(&anchors), current(&intermediates));
    let parsed = |ders: &[Vec<u8>]| -> Vec<CaCertificate> {
        ders.iter().map(|der| CaCertificate::parse(der, Purpose::Client).unwrap()).collect()
    };
    let valid = ConfiguredCas::new(parsed(&current_anchors), parsed(&current_intermediates), COUNTING);
    let unconnected: Vec<usize> =
        valid.unconnected().map(|position| position - current_anchors.len()).collect();
    let connected =
        current_intermediates.iter().enumerate().filter(|(index, _)| !unconnected.contains(index));
    let fit = presented.iter().filter(|der| CaCertificate::parse(der, Purpose::Client).is_ok());
    let usable: Vec<&[u8]> = fit.copied().chain(connected.map(|(_, der)| der.as_slice())).collect();

    let trust = ConfiguredCas::new(anchors, intermediates, COUNTING);
    let (ours, _) = prove(&trust, &leaf, &presented);
    let theirs = webpki_proves(&current_anchors, &usable, &leaf);
    match ours {
        Ok(_) => prop_assert!(theirs || counts_otherwise, "webpki does not prove it"),
        // An anchor's path length, which webpki does not know, or more CAs than there is room or budget for.
        Err(_) if limits_anchors || presented.len() > UNSTATED_PATH_LEN => return Ok(false),
        Err(PathFault::BudgetExhausted { .. }) => return Ok(false),
        Err(fault) => prop_assert!(!theirs, "webpki proves it: {fault:?}"),
    }
    Ok(theirs)
}
