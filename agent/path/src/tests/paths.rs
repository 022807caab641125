//! Which paths hold, and why others do not.

use rcgen::{
    BasicConstraints, CertificateParams, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType,
};

use super::pki::{Ca, DAY, TODAY, ca_params, configured, date, prove};
use crate::*;

const CONFIGURED: PathCa = PathCa::Configured(0);

fn with_path_len(name: &str, path_len: u8) -> CertificateParams {
    let mut params = ca_params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_len));
    params
}

#[test]
fn a_leaf_below_an_anchor_costs_one_signature() {
    let root = Ca::root("Root");
    let leaf = root.client(|_| ());
    assert_eq!(prove(&configured(&[&root.der], &[]), &leaf, &[]), (Ok(vec![CONFIGURED]), 1));
    // The anchor sent along is of no use, and does no harm.
    assert_eq!(prove(&configured(&[&root.der], &[]), &leaf, &[&root.der]), (Ok(vec![CONFIGURED]), 1));
}

#[test]
fn presented_cas_cost_one_signature_each() {
    let root = Ca::root("Root");
    let middle = root.below(ca_params("Middle"));
    let issuing = middle.below(ca_params("Issuing"));
    let leaf = issuing.client(|_| ());
    let trust = configured(&[&root.der], &[]);
    let in_order = [PathCa::Presented(0), PathCa::Presented(1), CONFIGURED];
    assert_eq!(prove(&trust, &leaf, &[&issuing.der, &middle.der]), (Ok(in_order.to_vec()), 3));
    let swapped = [PathCa::Presented(1), PathCa::Presented(0), CONFIGURED];
    assert_eq!(prove(&trust, &leaf, &[&middle.der, &issuing.der]), (Ok(swapped.to_vec()), 3));
}

#[test]
fn configured_intermediates_cost_nothing() {
    let root = Ca::root("Root");
    let middle = root.below(ca_params("Middle"));
    let issuing = middle.below(ca_params("Issuing"));
    let leaf = issuing.client(|_| ());
    let trust = configured(&[&root.der], &[&issuing.der, &middle.der]);
    let path = vec![PathCa::Configured(1), PathCa::Configured(2), CONFIGURED];
    assert_eq!(prove(&trust, &leaf, &[]), (Ok(path.clone()), 1));
    // Sent along as well, they are equal to configured ones.
    assert_eq!(prove(&trust, &leaf, &[&issuing.der, &middle.der, &root.der]), (Ok(path), 1));
    let stranger = Ca::root("Middle").below(ca_params("Issuing"));
    let trust = configured(&[&root.der], &[&stranger.der]);
    assert_eq!(trust.unconnected().collect::<Vec<_>>(), [1]);
    let (outcome, checks) = prove(&trust, &stranger.client(|_| ()), &[]);
    assert_eq!((outcome, checks), (Err(PathFault::UnknownIssuer { not_looked_at: 0 }), 0));
}

#[test]
fn what_no_anchor_has_room_for_is_not_looked_at() {
    let root = Ca::self_signed(with_path_len("Root", 0));
    let issuing = root.below(ca_params("Issuing"));
    let trust = configured(&[&root.der], &[]);
    let outcome = prove(&trust, &issuing.client(|_| ()), &[&issuing.der, b"no certificate at all"]);
    assert_eq!(outcome, (Err(PathFault::UnknownIssuer { not_looked_at: 2 }), 0));
    assert_eq!(prove(&trust, &root.client(|_| ()), &[&issuing.der]), (Ok(vec![CONFIGURED]), 1));
}

#[test]
fn anchors_that_state_no_path_length_have_room_for_two() {
    let root = Ca::root("Root");
    let chain = ["One", "Two", "Three"].iter().fold(vec![root], |mut chain, name| {
        chain.push(chain.last().unwrap().below(ca_params(name)));
        chain
    });
    let trust = configured(&[&chain[0].der], &[]);
    let presented = [&*chain[3].der, &*chain[2].der, &*chain[1].der];
    let outcome = prove(&trust, &chain[3].client(|_| ()), &presented);
    assert_eq!(outcome, (Err(PathFault::UnknownIssuer { not_looked_at: 1 }), 0));
    assert_eq!(prove(&trust, &chain[2].client(|_| ()), &presented[1..]).0.unwrap().len(), 3);
}

#[test]
fn self_issued_cas_do_not_count_against_a_path_length() {
    let root = Ca::self_signed(with_path_len("Root", 0));
    // A new key under the old name: signed by the old one, it counts for no path length (RFC 5280 §4.2.1.9).
    let renewed = root.below(ca_params("Root"));
    let mut open = ca_params("Root");
    open.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    let trust = configured(&[&root.der], &[&renewed.der]);
    let path = vec![PathCa::Configured(1), CONFIGURED];
    assert_eq!(prove(&trust, &renewed.client(|_| ()), &[]).0, Ok(path));
}

#[test]
fn a_cross_signed_ca_is_proven_by_either_way() {
    let (old, new) = (Ca::root("Old"), Ca::root("New"));
    let issuing = new.below(ca_params("Issuing"));
    let cross = old.certify(new.params.clone(), rcgen::KeyPair::generate().unwrap());
    let cross_issuing = cross.below(ca_params("Issuing"));
    let leaf = issuing.client(|_| ());
    assert!(prove(&configured(&[&new.der], &[]), &leaf, &[&issuing.der, &cross.der]).0.is_ok());
    let leaf = cross_issuing.client(|_| ());
    let trust = configured(&[&old.der], &[]);
    assert_eq!(prove(&trust, &leaf, &[&cross_issuing.der, &cross.der]).0.unwrap().len(), 3);
}

#[test]
fn of_two_certificates_of_one_anchor_the_one_that_is_valid_counts() {
    let mut expired = ca_params("Root");
    expired.not_after = date(TODAY - DAY);
    let old = Ca::self_signed(expired);
    let renewed = ca_params("Root").self_signed(&old.key).unwrap().der().to_vec();
    let leaf = old.client(|_| ());
    assert_eq!(
        prove(&configured(&[&old.der, &renewed], &[]), &leaf, &[]),
        (Ok(vec![PathCa::Configured(1)]), 1)
    );
    let (outcome, checks) = prove(&configured(&[&old.der], &[]), &leaf, &[]);
    assert!(matches!(outcome, Err(PathFault::CaExpired { is_anchor: true, .. })), "{outcome:?}");
    assert_eq!(checks, 0);
}

#[test]
fn a_namesake_with_another_key_did_not_sign() {
    let (own, namesake) = (Ca::root("Root"), Ca::root("Root"));
    let (outcome, checks) = prove(&configured(&[&own.der], &[]), &namesake.client(|_| ()), &[]);
    assert!(matches!(outcome, Err(PathFault::SignatureMismatch { .. })), "{outcome:?}");
    assert_eq!(checks, 1);
    // Both are anchors: the second is found, and with key identifiers at once.
    let both = configured(&[&own.der, &namesake.der], &[]);
    assert_eq!(prove(&both, &namesake.client(|_| ()), &[]).1, 2);
    let leaf = namesake.client(|params| params.use_authority_key_identifier_extension = true);
    assert_eq!(prove(&both, &leaf, &[]), (Ok(vec![PathCa::Configured(1)]), 1));
}

#[test]
fn a_presented_ca_must_be_fit() {
    let root = Ca::root("Root");
    let trust = configured(&[&root.der], &[]);
    let mut no_sign = ca_params("Issuing");
    no_sign.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mut expired = ca_params("Issuing");
    expired.not_after = date(TODAY - DAY);
    let mut servers = ca_params("Issuing");
    servers.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let fault = |params: CertificateParams| {
        let issuing = root.below(params);
        let (outcome, checks) = prove(&trust, &issuing.client(|_| ()), &[&issuing.der]);
        assert_eq!(checks, 0, "no signature is needed to know that");
        outcome.unwrap_err()
    };
    assert!(matches!(fault(no_sign), PathFault::UnfitCa { fault: CaFault::NoCertSign, .. }));
    assert!(matches!(fault(expired), PathFault::CaExpired { is_anchor: false, .. }));
    assert!(matches!(fault(servers), PathFault::UnfitCa { fault: CaFault::NotForPurpose(_), .. }));
}

#[test]
fn an_absent_key_usage_forbids_nothing() {
    let mut params = ca_params("Root");
    params.key_usages.clear();
    let root = Ca::self_signed(params);
    assert!(CaCertificate::parse(&root.der, Purpose::Client).unwrap().may_sign_crls());
    assert_eq!(prove(&configured(&[&root.der], &[]), &root.client(|_| ()), &[]).1, 1);
}

#[test]
fn name_constraints_hold_for_every_name_below() {
    let allows = |constraints: NameConstraints, names: Vec<SanType>| {
        let mut params = ca_params("Root");
        params.name_constraints = Some(constraints);
        let root = Ca::self_signed(params);
        let leaf = root.client(|params| params.subject_alt_names = names);
        prove(&configured(&[&root.der], &[]), &leaf, &[]).0
    };
    let permit = |subtree| NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: vec![] };
    let exclude = |subtree| NameConstraints { permitted_subtrees: vec![], excluded_subtrees: vec![subtree] };
    let dns = |name: &str| vec![SanType::DnsName(name.try_into().unwrap())];
    let mail = |name: &str| vec![SanType::Rfc822Name(name.try_into().unwrap())];
    let site = || GeneralSubtree::DnsName("site-1.example".to_owned());
    let v4 = || GeneralSubtree::IpAddress(rcgen::CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0]));
    let ip = |address: [u8; 4]| vec![SanType::IpAddress(address.into())];
    for (what, constraints, names, allowed) in [
        ("within", permit(site()), dns("pump.site-1.example"), true),
        ("itself, in capitals", permit(site()), dns("SITE-1.EXAMPLE"), true),
        ("a suffix that is no label", permit(site()), dns("bad-site-1.example"), false),
        ("elsewhere", permit(site()), dns("pump.site-2.example"), false),
        ("another kind of name", permit(site()), mail("a@elsewhere.example"), true),
        ("excluded", exclude(site()), dns("a.site-1.example"), false),
        ("not excluded", exclude(site()), dns("a.site-2.example"), true),
        ("an address within", permit(v4()), ip([10, 1, 2, 3]), true),
        ("an address elsewhere", permit(v4()), ip([11, 1, 2, 3]), false),
        (
            "one of two names",
            permit(site()),
            [dns("pump.site-1.example"), dns("pump.site-2.example")].concat(),
            false,
        ),
        (
            "a mailbox's host",
            permit(GeneralSubtree::Rfc822Name("site.example".to_owned())),
            mail("pump@site.example"),
            true,
        ),
        (
            "a mailbox's other host",
            permit(GeneralSubtree::Rfc822Name("site.example".to_owned())),
            mail("pump@a.site.example"),
            false,
        ),
    ] {
        let outcome = allows(constraints, names);
        assert_eq!(outcome.is_ok(), allowed, "{what}: {outcome:?}");
        if !allowed {
            assert!(matches!(outcome, Err(PathFault::NameConstraint { .. })), "{what}: {outcome:?}");
        }
    }
}

#[test]
fn a_directory_name_constraint_holds_for_the_subject() {
    let mut permitted = rcgen::DistinguishedName::new();
    permitted.push(rcgen::DnType::OrganizationName, "Acme");
    let mut params = ca_params("Root");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DirectoryName(permitted.clone())],
        excluded_subtrees: vec![],
    });
    let root = Ca::self_signed(params);
    let trust = configured(&[&root.der], &[]);
    let within = root.client(|params| {
        let mut name = permitted.clone();
        name.push(rcgen::DnType::CommonName, "pump-1");
        params.distinguished_name = name;
    });
    assert!(prove(&trust, &within, &[]).0.is_ok());
    let fault = prove(&trust, &root.client(|_| ()), &[]).0.unwrap_err();
    assert!(matches!(fault, PathFault::NameConstraint { .. }), "{fault:?}");
}

#[test]
fn too_much_is_not_looked_at() {
    let root = Ca::root("Root");
    let (trust, leaf) = (configured(&[&root.der], &[]), root.client(|_| ()));
    let nine = vec![&root.der[..]; 9];
    let outcome = prove(&trust, &leaf, &nine).0;
    assert!(matches!(outcome, Err(PathFault::TooManyPresented { certificates: 9 })), "{outcome:?}");
    let long = vec![0x30; MAX_PRESENTED_OCTETS];
    let outcome = prove(&trust, &leaf, &[&long]).0;
    assert!(matches!(outcome, Err(PathFault::TooLongPresented { .. })), "{outcome:?}");
    assert!(prove(&trust, &leaf, &nine[..8]).0.is_ok());
}

#[test]
fn signatures_that_nobody_verifies_are_said_to_be_so() {
    let root = Ca::root("Root");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let other = Ca { der: Vec::new(), params: ca_params("Root"), key };
    let (outcome, checks) = prove(&configured(&[&root.der], &[]), &other.client(|_| ()), &[]);
    assert!(matches!(outcome, Err(PathFault::UnsupportedSignature { .. })), "{outcome:?}");
    assert_eq!(checks, 0);
}
