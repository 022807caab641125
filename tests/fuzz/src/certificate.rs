//! Certificates and chains: nothing is accepted that webpki or x509-parser refuse, and what is read means the same to
//! all.
//!
//! An input is four bytes that say which certificate of a chain is changed, who signs it and what is sent along; then
//! that certificate, to be signed or as it is, in the notation of [`der`](crate::der).

use adversary::forge::{ALGORITHM, Parts, assemble, tlv};
use adversary::judge;
use adversary::pki::{Certified, HOST, NOW};
use countersign_agent::tls::verify_chain;
use countersign_agent::x509::{Anchor, Certificate, ServerName, Time};
use rcgen::{CustomExtension, SanType};
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use crate::Verdict;
use crate::der::{der, notation};
use crate::fleet::{fleet, impostor};

/// Longer ones are refused before they are read.
const MAX_TBS: usize = 1100;

pub fn run(input: &[u8]) -> Verdict {
    let Some((&[which, signer, first, second], notation)) = input.split_first_chunk() else {
        return Verdict::Refused;
    };
    let changed = der(notation);
    if changed.len() > MAX_TBS {
        return Verdict::Refused;
    }
    let fleet = fleet();
    let root = &fleet.broker_root;
    let changed = match which % 4 {
        0 => sign(&changed, signer_of(signer, &fleet.broker_issuing)),
        1 | 3 => sign(&changed, signer_of(signer, root)),
        _ => changed,
    };
    let readable = read_alike(&changed);
    let (own, anchor) = match which % 4 {
        0 | 2 => (&changed, &root.der),
        1 => (&fleet.broker.der, &root.der),
        _ => (&fleet.broker.der, &changed),
    };
    if !readable || which % 4 == 3 && !anchor_alike(&changed) {
        return Verdict::Refused;
    }
    let others: Vec<_> = [first, second].into_iter().filter_map(|index| other(index, &changed)).collect();
    Verdict::accepted_if(chain_alike(own, &others, anchor))
}

fn signer_of(index: u8, honest: &'static Certified) -> &'static Certified {
    let fleet = fleet();
    match index % 8 {
        1 => &fleet.broker_root,
        2 => &fleet.broker_issuing,
        3 => &fleet.broker,
        4 => &fleet.device,
        5 => impostor(),
        _ => honest,
    }
}

/// What is sent along with the broker's own certificate.
fn other(index: u8, changed: &[u8]) -> Option<Vec<u8>> {
    let fleet = fleet();
    match index % 8 {
        1 => Some(fleet.broker_issuing.der.clone()),
        2 => Some(fleet.broker_root.der.clone()),
        3 => Some(impostor().der.clone()),
        4 => Some(changed.to_vec()),
        5 => Some(fleet.device.der.clone()),
        6 => Some(fleet.broker.der.clone()),
        _ => None,
    }
}

/// A signature costs more than all the rest, and is not looked at by who cannot read the certificate.
fn sign(tbs: &[u8], signer: &Certified) -> Vec<u8> {
    let unsigned = tlv(0x30, &[tbs, &ALGORITHM, &tlv(3, &[0])].concat());
    if Certificate::read(&unsigned).is_err() { unsigned } else { assemble(tbs, &ALGORITHM, signer) }
}

/// Reads a certificate. x509-parser must be able to, and find the same in it.
fn read_alike(der: &[u8]) -> bool {
    let Ok(ours) = Certificate::read(der) else { return false };
    assert_eq!(judge::form(der), None);
    let (_, theirs) = X509Certificate::from_der(der).expect("its form is good");
    assert_eq!(i64::try_from(ours.validity().not_after()), Ok(theirs.validity().not_after.timestamp()));
    assert_eq!(ours.public_key().as_bytes().as_slice(), &*theirs.public_key().subject_public_key.data);
    if let Ok(device) = ours.subject().device_id() {
        let names: Vec<_> = theirs.subject().iter_common_name().map(|name| name.as_str().ok()).collect();
        assert_eq!(names, [Some(device.as_str())]);
    }
    true
}

/// Takes a certificate for a trust anchor, which x509-parser must say it can be.
fn anchor_alike(der: &[u8]) -> bool {
    if Anchor::new(der).is_err() {
        return false;
    }
    let (_, theirs) = X509Certificate::from_der(der).expect("it was read");
    assert!(theirs.is_ca());
    assert!(theirs.key_usage().is_ok_and(|usage| usage.is_some_and(|usage| usage.value.key_cert_sign())));
    true
}

/// Verifies a chain. Some path through the certificates sent must satisfy the judges.
fn chain_alike(own: &[u8], others: &[Vec<u8>], root: &[u8]) -> bool {
    let anchor = Anchor::new(root).expect("an anchor");
    let name = ServerName::parse(HOST).expect("a name");
    let sent = std::iter::once(own).chain(others.iter().map(Vec::as_slice));
    let Ok(accepted) = verify_chain(sent, &[anchor], &name, Time::Clock(NOW)) else { return false };
    let (_, theirs) = X509Certificate::from_der(own).expect("it was read");
    assert_eq!(i64::try_from(accepted.not_after()), Ok(theirs.validity().not_after.timestamp()));

    let direct = std::iter::once((judge::objection(own, &[], root), 0));
    let through = others.iter().map(|other| (judge::objection(own, &[other], root), 1));
    // webpki takes an anchor for a name and a key. What its certificate says counts here.
    let objections =
        direct.chain(through).map(|(objection, between)| objection.or_else(|| anchors(root, between)));
    let objections: Vec<_> = objections.collect();
    assert!(objections.contains(&None), "accepted against {objections:?}");
    true
}

/// Why an anchor must not have this many CA certificates between itself and the end-entity now.
fn anchors(root: &[u8], between: u32) -> Option<String> {
    let (_, root) = X509Certificate::from_der(root).ok()?;
    let now = ASN1Time::from_timestamp(i64::try_from(NOW).ok()?).ok()?;
    let constraints = root.basic_constraints().ok()??.value;
    if !root.validity().is_valid_at(now) {
        Some("the anchor does not hold now".into())
    } else if constraints.path_len_constraint.is_some_and(|most| most < between) {
        Some("the anchor's path is too short".into())
    } else {
        None
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let fleet = fleet();
    let rich = fleet.broker_issuing.issue_to(rich_params(), adversary::pki::key_of(&[0x24; 32]));
    let seed = |head: [u8; 4], der: &[u8]| [&head, notation(der).as_slice()].concat();
    let tbs = |certified: &Certified| Parts::of(&certified.der).tbs();
    vec![
        seed([0, 0, 1, 0], &tbs(&fleet.broker)),
        seed([0, 0, 2, 1], &tbs(&rich)),
        seed([0, 1, 0, 0], &tbs(&fleet.broker_root.issue_to(rich_params(), key(0x25)))),
        seed([0, 5, 3, 1], &tbs(&impostor().issue_to(rich_params(), key(0x26)))),
        seed([0, 3, 6, 1], &tbs(&fleet.broker.issue_to(rich_params(), key(0x27)))),
        seed([0, 0, 1, 0], &tbs(&fleet.device)),
        seed([1, 0, 4, 0], &tbs(&fleet.broker_issuing)),
        seed([1, 0, 3, 4], &tbs(&fleet.broker_issuing)),
        seed([2, 0, 1, 0], &fleet.broker.der),
        seed([2, 0, 0, 0], &fleet.device.der),
        seed([3, 0, 1, 0], &tbs(&fleet.broker_root)),
    ]
}

fn key(scalar: u8) -> rcgen::KeyPair {
    adversary::pki::key_of(&[scalar; 32])
}

/// Of a broker with more to say than it must.
fn rich_params() -> rcgen::CertificateParams {
    let name = |name: &str| SanType::DnsName(name.try_into().expect("a name"));
    let mut params = adversary::pki::broker_params();
    params.subject_alt_names = vec![
        name("*.wild.example"),
        name(HOST),
        SanType::IpAddress([192, 0, 2, 7].into()),
        SanType::URI("https://broker.example/".try_into().expect("a URI")),
    ];
    let unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![4, 2, 1, 2]);
    params.custom_extensions = vec![unknown];
    params
}
