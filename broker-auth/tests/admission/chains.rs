//! Which chains prove a client, and why the others do not.

use authenticator::identity::{IdentityTemplate, identify};
use authenticator::reason::Reason;
use authenticator::trust::{CrlCheck, LegacyLeaf, TrustName};
use rcgen::{
    BasicConstraints, CustomExtension, DnValue, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;

use crate::pki::{Ca, Client, DAY, Fleet, TODAY, bare_params, ca_params, client_params, date, trust};

#[test]
fn a_device_that_sends_its_certificate_alone_is_proven() {
    let fleet = Fleet::new();
    let chain = fleet.verify(&[&fleet.ca.client("pump-1", 1).der]).expect("proven");
    assert_eq!(chain.trust_name(), &TrustName::new("device-ca"));
    assert_eq!(chain.leaf().serial().to_string(), "01");
}

#[test]
fn a_client_that_sends_the_anchor_along_is_proven_too() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    fleet.verify(&[&client.der, fleet.ca.certificate.der()]).expect("proven");
}

#[test]
fn before_trust_is_loaded_every_client_is_refused() {
    let fleet = Fleet::unloaded();
    assert_eq!(fleet.reason(&fleet.ca.client("pump-1", 1)), Some(Reason::UnknownCa));
}

#[test]
fn an_empty_chain_is_no_certificate() {
    let refusal = Fleet::new().store.verify_chain(&[]).proven().cloned().expect_err("nothing was presented");
    assert_eq!(refusal.reason, Reason::NoCertificate);
}

/// Every way in which a single certificate can be wrong, and the word for it.
#[test]
fn each_fault_of_a_leaf_is_refused_with_its_reason() {
    let fleet = Fleet::new();
    let issue = |change: &dyn Fn(&mut rcgen::CertificateParams)| -> Client {
        let mut params = client_params("pump-1", 1);
        change(&mut params);
        fleet.ca.client_with(params)
    };
    let cases: Vec<(&str, Client, Reason)> = vec![
        ("expired", issue(&|params| params.not_after = date(TODAY - 1)), Reason::Expired),
        ("not yet valid", issue(&|params| params.not_before = date(TODAY + 1)), Reason::NotYetValid),
        (
            "for servers",
            issue(&|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            Reason::WrongUsage,
        ),
        (
            "for nothing in particular",
            issue(&|params| params.extended_key_usages.clear()),
            Reason::WrongUsage,
        ),
        (
            "for any purpose",
            issue(&|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            Reason::WrongUsage,
        ),
        (
            "may not sign",
            issue(&|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]),
            Reason::WrongUsage,
        ),
        (
            "a CA",
            issue(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            Reason::WrongUsage,
        ),
        (
            "an unknown critical extension",
            issue(&|params| {
                let mut extension =
                    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(true);
                params.custom_extensions.push(extension);
            }),
            Reason::Unsupported,
        ),
        ("of a stranger", Ca::root("Somebody Else").client("pump-1", 1), Reason::UnknownCa),
        (
            "of a stranger with our CA's name",
            Ca::root("Fleet Device CA").client("pump-1", 1),
            Reason::BadSignature,
        ),
        (
            "self-signed",
            {
                let key = KeyPair::generate().expect("key");
                let der = client_params("pump-1", 1).self_signed(&key).expect("certificate").der().clone();
                Client { der, key }
            },
            Reason::UnknownCa,
        ),
    ];
    for (name, client, reason) in &cases {
        let refusal = fleet.verify(&[&client.der]).expect_err(name);
        assert_eq!(refusal.reason, *reason, "{name}: {}", refusal.evidence);
        let about = refusal.certificate.as_deref().expect("a certificate was read");
        assert_eq!(about.serial.len() % 2, 0, "{name}");
        assert_eq!(about.fingerprint_sha256.len(), 64, "{name}");
    }
    // The same client with nothing wrong gets in: what was refused above was refused for its fault.
    fleet.verify(&[&issue(&|_| {}).der]).expect("nothing is wrong with this one");
}

#[test]
fn both_ends_of_the_validity_are_inclusive() {
    let fleet = Fleet::new();
    let mut params = client_params("pump-1", 1);
    // Later than the list, which says that it is not earlier.
    let second = TODAY + 10;
    params.not_before = date(second);
    params.not_after = date(second);
    let client = fleet.ca.client_with(params);
    fleet.clock.set(second);
    assert_eq!(fleet.reason(&client), None);
    fleet.clock.set(second - 1);
    assert_eq!(fleet.reason(&client), Some(Reason::NotYetValid));
    fleet.clock.set(second + 1);
    assert_eq!(fleet.reason(&client), Some(Reason::Expired));
}

#[test]
fn a_certificate_with_a_changed_byte_is_refused() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    let mut bytes = client.der.to_vec();
    let name = bytes.windows(6).position(|window| window == b"pump-1").expect("the name is in it");
    bytes[name + 5] = b'2';
    let refusal = fleet.verify(&[&CertificateDer::from(bytes)]).expect_err("changed");
    assert_eq!(refusal.reason, Reason::BadSignature);
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    let mut trailing = client.der.to_vec();
    trailing.push(0);
    for bytes in [vec![], vec![0x30], b"not a certificate".to_vec(), trailing] {
        let refusal = fleet.verify(&[&CertificateDer::from(bytes)]).expect_err("no certificate");
        assert_eq!(refusal.reason, Reason::Malformed);
    }
}

/// A root as the anchor, with an issuing CA that the client sends or the configuration names.
struct Hierarchy {
    fleet: Fleet,
    root: Ca,
    issuing: Ca,
}

impl Hierarchy {
    fn new(root: rcgen::CertificateParams, issuing: rcgen::CertificateParams) -> Self {
        let mut fleet = Fleet::unloaded();
        let root = Ca::self_signed(root);
        let issuing = root.below(issuing);
        fleet.write("root.pem", root.certificate.pem());
        fleet.write("issuing.pem", issuing.certificate.pem());
        fleet.trust.anchors = vec![fleet.path("root.pem")];
        fleet.trust.crl = Vec::new();
        fleet.trust.crl_check = CrlCheck::Off;
        Self { fleet, root, issuing }
    }

    fn proper() -> Self {
        Self::new(ca_params("Root"), ca_params("Issuing"))
    }
}

#[test]
fn an_intermediate_may_come_from_the_client_or_from_the_configuration() {
    let mut hierarchy = Hierarchy::proper();
    hierarchy.fleet.load().expect("a proper trust");
    let client = hierarchy.issuing.client("pump-1", 1);
    let alone = hierarchy.fleet.verify(&[&client.der]).expect_err("the issuing CA is missing");
    assert_eq!(alone.reason, Reason::UnknownCa);
    hierarchy.fleet.verify(&[&client.der, hierarchy.issuing.certificate.der()]).expect("sent along");

    hierarchy.fleet.trust.intermediates = vec![hierarchy.fleet.path("issuing.pem")];
    hierarchy.fleet.load().expect("a proper trust");
    hierarchy.fleet.verify(&[&client.der]).expect("configured");
}

#[test]
fn an_intermediate_must_be_a_ca_that_may_sign() {
    let mut signs_nothing = ca_params("Issuing");
    signs_nothing.key_usages = vec![KeyUsagePurpose::CrlSign];
    let mut ended = ca_params("Issuing");
    ended.not_after = date(TODAY - DAY);
    let mut for_servers = ca_params("Issuing");
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut no_ca = bare_params(&["Issuing"]);
    no_ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    for (name, params, reason) in [
        ("no keyCertSign", signs_nothing, Reason::WrongUsage),
        ("ended", ended, Reason::Expired),
        ("for servers", for_servers, Reason::WrongUsage),
        ("no CA", no_ca, Reason::WrongUsage),
    ] {
        let hierarchy = Hierarchy::new(ca_params("Root"), params);
        hierarchy.fleet.load().expect("the anchor is proper");
        let client = hierarchy.issuing.client("pump-1", 1);
        let refusal =
            hierarchy.fleet.verify(&[&client.der, hierarchy.issuing.certificate.der()]).expect_err(name);
        assert_eq!(refusal.reason, reason, "{name}: {}", refusal.evidence);
    }
}

#[test]
fn the_path_length_of_the_anchor_counts() {
    let mut root = ca_params("Root");
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let hierarchy = Hierarchy::new(root, ca_params("Issuing"));
    hierarchy.fleet.load().expect("the anchor is proper");
    let client = hierarchy.issuing.client("pump-1", 1);
    let refusal = hierarchy
        .fleet
        .verify(&[&client.der, hierarchy.issuing.certificate.der()])
        .expect_err("one CA too many");
    // What the anchor leaves no room for is not looked at: no work is done for it.
    assert_eq!(refusal.reason, Reason::UnknownCa, "{}", refusal.evidence);
    assert!(refusal.evidence.contains("1 of the certificates that came along were not looked at"));
    let direct = hierarchy.root.client("pump-2", 2);
    hierarchy.fleet.verify(&[&direct.der]).expect("no CA between");
}

#[test]
fn a_live_session_ends_when_its_anchor_no_longer_allows_the_path() {
    let hierarchy = Hierarchy::proper();
    hierarchy.fleet.load().expect("the anchor is proper");
    let client = hierarchy.issuing.client("pump-1", 1);
    let chain = hierarchy.fleet.verify(&[&client.der, hierarchy.issuing.certificate.der()]).expect("proven");
    let device = identify(chain, &IdentityTemplate::default()).expect("a proper name");
    hierarchy.fleet.recheck(&device).expect("nothing has changed");

    let mut narrower = hierarchy.root.params.clone();
    narrower.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let narrower = narrower.self_signed(&hierarchy.root.key).expect("the same name and key");
    hierarchy.fleet.write("root.pem", narrower.pem());
    hierarchy.fleet.load().expect("the anchor is proper");
    let verdict = hierarchy.fleet.recheck(&device);
    assert_eq!(verdict.map_err(|refusal| refusal.reason), Err(Reason::WrongUsage));
}

#[test]
fn a_device_cannot_issue_for_another() {
    let fleet = Fleet::new();
    let device = fleet.ca.client("pump-1", 1);
    let as_ca = Ca {
        params: client_params("pump-1", 1),
        certificate: client_params("pump-1", 1).self_signed(&device.key).expect("stand-in"),
        key: device.key,
    };
    let forged = as_ca.client("pump-2", 2);
    let refusal = fleet.verify(&[&forged.der, &device.der]).expect_err("a device is no CA");
    assert_eq!(refusal.reason, Reason::WrongUsage, "{}", refusal.evidence);
}

#[test]
fn each_client_belongs_to_the_trust_whose_anchor_issued_it() {
    let fleet = Fleet::unloaded();
    let services = Ca::root("Fleet Service CA");
    fleet.write("services.pem", services.certificate.pem());
    fleet.write("services.crl", services.crl(1, &[]));
    let service_trust = trust(fleet.directory.path(), "service-ca", "services.pem", "services.crl");
    fleet.store.load(&[fleet.trust.clone(), service_trust]).expect("two proper trusts");

    let device = fleet.verify(&[&fleet.ca.client("pump-1", 1).der]).expect("a device");
    let service = fleet.verify(&[&services.client("dashboard", 1).der]).expect("a service");
    assert_eq!(device.trust_name().as_str(), "device-ca");
    assert_eq!(service.trust_name().as_str(), "service-ca");
}

#[test]
fn more_than_eight_presented_intermediates_are_refused_unread() {
    let fleet = Fleet::new();
    let client = fleet.ca.client("pump-1", 1);
    let others: Vec<_> = (0..9).map(|_| Ca::root("Fleet Device CA").certificate.der().clone()).collect();
    let with = |count: usize| {
        let chain: Vec<_> = std::iter::once(&client.der).chain(&others[..count]).collect();
        fleet.verify(&chain).err()
    };
    assert_eq!(with(8), None, "what is of no use does no harm");
    let refusal = with(9).expect("too many");
    assert_eq!(refusal.reason, Reason::Malformed);
    assert!(refusal.evidence.contains("9 certificates"), "{}", refusal.evidence);
}

/// RFC 5280 §4.2.1.3 and §4.2.1.10: what a CA alone may have. Fielded certificates may be let in, by the trust.
#[test]
fn a_client_certificate_that_claims_to_issue_is_refused_unless_its_trust_lets_it_pass() {
    let mut fleet = Fleet::new();
    let mut issues = client_params("pump-1", 1);
    issues.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let mut constrains = client_params("pump-2", 2);
    let subtree = vec![0x30, 10, 0xa0, 8, 0x30, 6, 0x82, 4, b'a', b'c', b'm', b'e'];
    constrains.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 30], subtree));
    let clients = [issues, constrains].map(|params| fleet.ca.client_with(params));
    for client in &clients {
        let refusal = fleet.verify(&[&client.der]).expect_err("a claim of a CA");
        assert_eq!(refusal.reason, Reason::WrongUsage, "{}", refusal.evidence);
        assert!(refusal.evidence.contains("for CAs alone"), "{}", refusal.evidence);
    }
    fleet.trust.legacy_leaf = LegacyLeaf::Warn;
    fleet.load().expect("a proper trust");
    let mut admitted = Vec::new();
    for (client, claim) in clients.iter().zip(["keyCertSign", "name constraints"]) {
        // The second time, the path is remembered.
        for _ in 0..2 {
            let chain = fleet.verify(&[&client.der]).expect("the trust lets it pass");
            let claimed = chain.claim_to_issue().expect("it says so").to_string();
            assert!(claimed.contains(claim), "{claimed}");
        }
        admitted.push(fleet.admit(client));
    }
    let proper = fleet.verify(&[&fleet.ca.client("pump-4", 4).der]).expect("a proper client");
    assert_eq!(proper.claim_to_issue(), None);
    // When the trust refuses them again, live sessions end too.
    assert!(admitted.iter().all(|client| fleet.recheck(client).is_ok()));
    fleet.trust.legacy_leaf = LegacyLeaf::Refuse;
    fleet.load().expect("a proper trust");
    for client in &admitted {
        assert_eq!(fleet.recheck(client).expect_err("no longer").reason, Reason::WrongUsage);
    }
    fleet.trust.legacy_leaf = LegacyLeaf::Warn;
    fleet.load().expect("a proper trust");
    // What says to be a CA is none of them.
    let mut ca = client_params("pump-3", 3);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(fleet.reason(&fleet.ca.client_with(ca)), Some(Reason::WrongUsage));
}

/// The names of issuers are compared as RFC 5280 §7.1 says; the key decides.
#[test]
fn the_issuer_of_a_client_may_be_written_in_another_way() {
    let fleet = Fleet::new();
    for (spelling, proven) in [
        (DnValue::PrintableString("Fleet Device CA".try_into().expect("text")), true),
        (DnValue::BmpString("fleet  device ca".try_into().expect("text")), true),
        (DnValue::Utf8String(" FLEET DEVICE CA".to_owned()), true),
        (DnValue::Utf8String("Fleet DeviceCA".to_owned()), false),
    ] {
        let mut issuer = fleet.ca.params.clone();
        issuer.distinguished_name = rcgen::DistinguishedName::new();
        issuer.distinguished_name.push(rcgen::DnType::CommonName, spelling.clone());
        let issuer = rcgen::Issuer::from_params(&issuer, &fleet.ca.key);
        let key = KeyPair::generate().expect("key");
        let der = client_params("pump-1", 1).signed_by(&key, &issuer).expect("certificate").der().clone();
        assert_eq!(fleet.verify(&[&der]).is_ok(), proven, "{spelling:?}");
    }
}
