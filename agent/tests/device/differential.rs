//! The strict verifier against webpki and x509-parser: it may refuse more than they do, never accept more.

use std::cell::Cell;

use adversary::judge;
use countersign_agent::tls::verify_chain;
use countersign_agent::x509::{Anchor, Certificate, ServerName, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rcgen::{CustomExtension, SanType};

use crate::change::{Change, change};
use crate::forge::{ALGORITHM, Parts, assemble};
use crate::pki::{Certified, HOST, NOW};

struct Pki {
    root: Certified,
    issuing: Certified,
    leaf: Certified,
}

impl Pki {
    fn new() -> Self {
        let root = Certified::root("root");
        let issuing = root.issuing("issuing");
        let leaf = issuing.broker_with(|params| {
            params.subject_alt_names = vec![
                SanType::DnsName("other.example".try_into().unwrap()),
                SanType::DnsName("*.wild.example".try_into().unwrap()),
                SanType::DnsName(HOST.try_into().unwrap()),
                SanType::IpAddress("192.0.2.7".parse().unwrap()),
                SanType::URI("https://broker.example/".try_into().unwrap()),
            ];
            let unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![4, 2, 1, 2]);
            params.custom_extensions = vec![unknown];
        });
        Self { root, issuing, leaf }
    }

    fn accepts(&self, leaf: &[u8], issuing: &[u8]) -> bool {
        let anchors = [Anchor::new(&self.root.der).unwrap()];
        let name = ServerName::parse(HOST).unwrap();
        verify_chain([leaf, issuing], &anchors, &name, Time::Clock(NOW)).is_ok()
    }

    /// What webpki and x509-parser have against it.
    fn objection(&self, leaf: &[u8], issuing: &[u8]) -> Option<String> {
        judge::objection(leaf, &[issuing], &self.root.der)
    }
}

/// Which part of which certificate is changed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    /// Somewhere in the TBSCertificate, which is then mostly no DER any more.
    Tbs,
    /// Inside a field; the lengths around it are set right.
    Field(usize),
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![1 => Just(Target::Tbs), 4 => (0..32_usize).prop_map(Target::Field)]
}

fn mutate(der: &[u8], target: Target, changes: &[Change], issuer: &Certified) -> Vec<u8> {
    let mut parts = Parts::of(der);
    match target {
        Target::Tbs => {
            let mut tbs = parts.tbs();
            changes.iter().for_each(|change| change.apply(&mut tbs));
            return assemble(&tbs, &ALGORITHM, issuer);
        }
        Target::Field(number) => {
            let mut fields = vec![
                &mut parts.serial,
                &mut parts.issuer,
                &mut parts.validity,
                &mut parts.subject,
                &mut parts.key,
            ];
            fields.extend(parts.extensions.iter_mut());
            let count = fields.len();
            let field = &mut *fields[number % count];
            changes.iter().for_each(|change| change.apply(field));
        }
    }
    parts.sign(issuer)
}

#[test]
fn nothing_is_accepted_that_webpki_or_x509_parser_refuse() {
    let pki = Pki::new();
    let accepted = Cell::new(0);
    let config = Config { cases: 4000, failure_persistence: None, ..Config::default() };
    let input = (any::<bool>(), target(), proptest::collection::vec(change(), 1..3));
    let verdict = TestRunner::new(config).run(&input, |(which, target, changes)| {
        let (leaf, issuing) = if which {
            (mutate(&pki.leaf.der, target, &changes, &pki.issuing), pki.issuing.der.clone())
        } else {
            (pki.leaf.der.clone(), mutate(&pki.issuing.der, target, &changes, &pki.root))
        };
        if pki.accepts(&leaf, &issuing) {
            accepted.set(accepted.get() + 1);
            prop_assert_eq!(pki.objection(&leaf, &issuing), None);
        }
        Ok(())
    });
    assert_eq!(verdict, Ok(()));
    // A verifier that refuses everything would pass as well.
    assert!(accepted.get() > 200, "only {} of the changed chains were accepted", accepted.get());
}

#[test]
fn any_bytes_are_read_or_refused() {
    let config = Config { failure_persistence: None, ..Config::default() };
    let bytes = proptest::collection::vec(any::<u8>(), 0..1200);
    let verdict = TestRunner::new(config).run(&bytes, |bytes| {
        let _ = Certificate::read(&bytes).map(|certificate| certificate.subject().device_id());
        Ok(())
    });
    assert_eq!(verdict, Ok(()));
}

#[test]
fn what_is_unchanged_is_accepted_by_all() {
    let pki = Pki::new();
    let leaf = Parts::of(&pki.leaf.der).sign(&pki.issuing);
    assert!(pki.accepts(&leaf, &pki.issuing.der));
    assert_eq!(pki.objection(&leaf, &pki.issuing.der), None);
}
