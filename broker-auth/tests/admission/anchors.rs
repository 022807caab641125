//! What may stand as an anchor.

use authenticator::certificate::{AuthorityFault, CaFault, Purpose};
use authenticator::reason::Reason;
use authenticator::trust::{CrlCheck, TrustError};
use broker_rules::store::LoadError;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
};

use crate::pki::{Ca, DAY, Fleet, TODAY, ca_params, crl_pem, date, trust};

/// Loads a trust whose only anchor is made from `params`, without revocation.
fn load_anchor(params: CertificateParams) -> Result<(), LoadError> {
    let mut fleet = Fleet::unloaded();
    fleet.write("ca.pem", Ca::self_signed(params).certificate.pem());
    fleet.trust.crl = Vec::new();
    fleet.trust.crl_check = CrlCheck::Off;
    fleet.load().map(|_| ())
}

#[test]
fn a_certificate_that_may_not_issue_is_no_anchor() {
    let change = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = ca_params("Fleet Device CA");
        change(&mut params);
        params
    };
    let cases = [
        (change(&|params| params.is_ca = IsCa::NoCa), CaFault::NotCa),
        (change(&|params| params.is_ca = IsCa::ExplicitNoCa), CaFault::NotCa),
        (change(&|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]), CaFault::NoCertSign),
        (
            change(&|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            CaFault::NotForPurpose(Purpose::Client),
        ),
        (change(&|params| params.distinguished_name = DistinguishedName::new()), CaFault::NoSubject),
    ];
    for (params, wanted) in cases {
        match load_anchor(params) {
            Err(LoadError::Trust(TrustError::Authority { fault, .. })) => {
                assert_eq!(fault, AuthorityFault::Ca(wanted));
            }
            other => panic!("{wanted:?} was expected, and not {other:?}"),
        }
    }
    load_anchor(ca_params("Fleet Device CA")).expect("a proper CA");
    // RFC 5280 §6.1.4 (n): only a key usage that is there can forbid.
    load_anchor(change(&|params| params.key_usages.clear())).expect("a CA without key usage");
}

/// Anchors pass the checks that intermediates pass: a trust on which nobody could be proven is not loaded silently.
#[test]
fn an_anchor_that_could_prove_nobody_is_refused() {
    let mut unknown = ca_params("Fleet Device CA");
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    unknown.custom_extensions.push(extension);
    let mut policies = ca_params("Fleet Device CA");
    // id-ce-policyConstraints: requireExplicitPolicy 0, which is not processed.
    let mut constraints = CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 3, 0x80, 1, 0]);
    constraints.set_criticality(true);
    policies.custom_extensions.push(constraints);
    for params in [unknown, policies] {
        match load_anchor(params) {
            Err(LoadError::Trust(TrustError::Authority { fault, .. })) => {
                assert!(
                    matches!(fault, AuthorityFault::Ca(CaFault::UnprocessedExtension { .. })),
                    "{fault:?}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // id-ce-certificatePolicies is recognised, critical or not: anyPolicy.
    let mut policies = ca_params("Fleet Device CA");
    let any_policy = vec![0x30, 8, 0x30, 6, 6, 4, 0x55, 0x1d, 0x20, 0];
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 32], any_policy);
    extension.set_criticality(true);
    policies.custom_extensions.push(extension);
    load_anchor(policies).expect("policies are recognised");
}

/// One anchor that has ended, or has not begun, beside one that is valid: as while the broker runs, the others go on.
#[test]
fn an_anchor_that_is_not_valid_keeps_nobody_else_out() {
    let mut fleet = Fleet::unloaded();
    let mut ended = ca_params("Old CA");
    ended.not_after = date(TODAY - 1);
    let mut not_begun = ca_params("New CA");
    not_begun.not_before = date(TODAY + 1);
    let (ended, not_begun) = (Ca::self_signed(ended), Ca::self_signed(not_begun));
    // In one bundle, and in a trust of its own.
    let bundle = [&ended, &fleet.ca, &not_begun].map(|ca| ca.certificate.pem()).concat();
    fleet.write("ca.pem", bundle);
    fleet.write("lists", [&ended, &fleet.ca, &not_begun].map(|ca| crl_pem(&ca.crl(10, &[]))).concat());
    fleet.trust.crl = vec![fleet.path("lists").into()];
    let mut service_ca = ca_params("Service CA");
    service_ca.not_after = date(TODAY - 1);
    let services = Ca::self_signed(service_ca);
    fleet.write("services.pem", services.certificate.pem());
    fleet.write("services.crl", services.crl(1, &[]));
    let service_trust = trust(fleet.directory.path(), "service-ca", "services.pem", "services.crl");
    let report = fleet.store.load(&[fleet.trust.clone(), service_trust]).expect("one anchor is valid");
    let warnings = report.warnings.join("\n");
    for warning in [
        "the anchor CN=Old CA expired at",
        "the anchor CN=New CA begins only at",
        "the anchor CN=Service CA expired at",
        "trust service-ca has no valid anchor: it admits nobody",
    ] {
        assert!(warnings.contains(warning), "{warning}: {warnings}");
    }
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), None);
    assert_eq!(fleet.reason(&ended.client("pump-2", 2)), Some(Reason::Expired));
    assert_eq!(fleet.reason(&not_begun.client("pump-3", 3)), Some(Reason::NotYetValid));
    assert_eq!(fleet.reason(&services.client("dashboard", 4)), Some(Reason::Expired));
    // What begins while the broker runs is used then.
    fleet.clock.set(TODAY + 1);
    assert_eq!(fleet.reason(&not_begun.client("pump-3", 3)), None);
}

#[test]
fn without_any_valid_anchor_nothing_is_loaded() {
    let mut ended = ca_params("Fleet Device CA");
    ended.not_after = date(TODAY - 1);
    let mut not_begun = ca_params("Fleet Device CA");
    not_begun.not_before = date(TODAY + 1);
    for (params, wanted) in [(ended, "expired"), (not_begun, "begins only")] {
        match load_anchor(params) {
            Err(LoadError::Trust(TrustError::AnchorNotCurrent { state, .. })) => assert_eq!(state, wanted),
            other => panic!("{wanted} was expected, and not {other:?}"),
        }
    }
}

#[test]
fn an_anchor_that_may_not_sign_crls_cannot_be_checked_for_revocation() {
    let mut fleet = Fleet::unloaded();
    let mut params = ca_params("Fleet Device CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    fleet.write("ca.pem", Ca::self_signed(params).certificate.pem());
    assert!(matches!(fleet.load(), Err(LoadError::Trust(TrustError::NoCrlSign { .. }))));
    fleet.trust.crl = Vec::new();
    fleet.trust.crl_check = CrlCheck::Off;
    fleet.load().expect("without revocation it may stand");
}

#[test]
fn the_sessions_of_an_expired_anchor_end() {
    let mut fleet = Fleet::unloaded();
    let mut params = ca_params("Fleet Device CA");
    params.not_after = date(TODAY + DAY);
    fleet.ca = Ca::self_signed(params);
    fleet.write("ca.pem", fleet.ca.certificate.pem());
    fleet.write("ca.crl", fleet.ca.crl(10, &[]));
    fleet.load().expect("still valid");
    let client = fleet.ca.client("pump-1", 1);
    let device = fleet.admit(&client);
    fleet.recheck(&device).expect("still valid");

    fleet.clock.set(TODAY + DAY + 1);
    assert_eq!(fleet.reason(&client), Some(Reason::Expired));
    assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::Expired));
}

#[test]
fn a_renewed_anchor_replaces_the_expired_one() {
    let fleet = Fleet::unloaded();
    let mut ending = fleet.ca.params.clone();
    ending.not_after = date(TODAY + DAY);
    let ending = ending.self_signed(&fleet.ca.key).expect("the same name and key");
    fleet.write("ca.pem", format!("{}{}", ending.pem(), fleet.ca.certificate.pem()));
    fleet.load().expect("both are valid");
    let client = fleet.ca.client("pump-1", 1);
    let device = fleet.admit(&client);
    fleet.clock.set(TODAY + DAY + 1);
    assert_eq!(fleet.reason(&client), None);
    fleet.recheck(&device).expect("the renewed one is valid");
}

#[test]
fn an_anchor_taken_out_of_the_configuration_ends_live_sessions() {
    let mut fleet = Fleet::new();
    let device = fleet.admit(&fleet.ca.client("pump-1", 1));
    let other = Ca::root("Another CA");
    fleet.write("other.pem", other.certificate.pem());
    fleet.write("other.crl", other.crl(1, &[]));
    fleet.trust.anchors = vec![fleet.path("other.pem")];
    fleet.trust.crl = vec![fleet.path("other.crl").into()];
    fleet.load().expect("a proper trust");
    assert_eq!(fleet.recheck(&device).map_err(|refusal| refusal.reason), Err(Reason::UnknownCa));
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    let generation = fleet.store.generation();
    fleet.write("ca.pem", "no certificate");
    assert!(matches!(fleet.load(), Err(LoadError::Trust(TrustError::Empty { .. }))));
    assert_eq!(fleet.store.generation(), generation);
    assert_eq!(fleet.reason(&client), None);
}

#[test]
fn two_trusts_must_not_vouch_for_the_same_certificate() {
    let fleet = Fleet::unloaded();
    let issuing = fleet.ca.below(ca_params("Issuing"));
    fleet.write("issuing.pem", issuing.certificate.pem());
    fleet.write("issuing.crl", issuing.crl(1, &[]));
    let same = trust(fleet.directory.path(), "other", "ca.pem", "ca.crl");
    let below = trust(fleet.directory.path(), "other", "issuing.pem", "issuing.crl");
    for other in [same, below] {
        for trusts in [[fleet.trust.clone(), other.clone()], [other.clone(), fleet.trust.clone()]] {
            assert!(matches!(fleet.store.load(&trusts), Err(LoadError::Trust(TrustError::Ambiguous { .. }))));
        }
    }
}

#[test]
fn der_and_several_anchors_in_one_file_are_read_too() {
    let mut fleet = Fleet::unloaded();
    let other = Ca::root("Another CA");
    fleet.write("ca.der", fleet.ca.certificate.der());
    fleet.trust.crl = Vec::new();
    fleet.trust.crl_check = CrlCheck::Off;

    fleet.trust.anchors = vec![fleet.path("ca.der")];
    fleet.load().expect("DER");
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), None);

    fleet.anchor_also(&other);
    fleet.load().expect("two in one file");
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), None);
    assert_eq!(fleet.reason(&other.client("pump-2", 2)), None);
}
