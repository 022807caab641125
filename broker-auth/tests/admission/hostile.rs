//! Certificates and lists from somebody who means harm: nothing panics, and nothing altered gets in.

use proptest::prelude::*;
use rustls_pki_types::CertificateDer;

use crate::pki::{Client, Fleet};

/// One fleet and one client for all cases: making keys is slow.
fn material() -> &'static (Fleet, Client) {
    static MATERIAL: std::sync::OnceLock<(Fleet, Client)> = std::sync::OnceLock::new();
    MATERIAL.get_or_init(|| {
        let fleet = Fleet::new();
        let client = fleet.ca.client("pump-1", 1);
        (fleet, client)
    })
}

/// A change to some bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Truncate(prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, octet)| Mutation::Set(at, octet)),
        1 => (any::<prop::sample::Index>(), 1..40usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, octets)| Mutation::Insert(at, octets)),
        1 => any::<prop::sample::Index>().prop_map(Mutation::Truncate),
    ]
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        match mutation {
            Mutation::Set(at, octet) => {
                let at = at.index(bytes.len());
                bytes[at] = *octet;
            }
            Mutation::Remove(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Mutation::Insert(at, octets) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, octets.iter().copied());
            }
            Mutation::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_altered_certificate_never_gets_in(mutations in prop::collection::vec(mutation(), 1..6)) {
        let (fleet, client) = material();
        let altered = mutate(client.der.to_vec(), &mutations);
        let is_altered = altered != client.der.as_ref();
        let verdict = fleet.verify(&[&CertificateDer::from(altered)]);
        prop_assert_eq!(verdict.is_err(), is_altered);
    }

    #[test]
    fn an_altered_intermediate_harms_nobody(mutations in prop::collection::vec(mutation(), 1..6)) {
        let (fleet, client) = material();
        let altered = mutate(fleet.ca.certificate.der().to_vec(), &mutations);
        // The leaf is proven by the anchor; whatever else was sent must not matter.
        prop_assert!(fleet.verify(&[&client.der, &CertificateDer::from(altered)]).is_ok());
    }

    #[test]
    fn random_bytes_never_get_in(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let (fleet, _) = material();
        prop_assert!(fleet.verify(&[&CertificateDer::from(bytes)]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn an_altered_list_is_never_taken(mutations in prop::collection::vec(mutation(), 1..6)) {
        let (fleet, _) = material();
        let list = fleet.ca.crl(11, &[(7, None), (9, None)]);
        let altered = mutate(list.clone(), &mutations);
        prop_assume!(altered != list);
        let own = Fleet::unloaded();
        own.write("ca.pem", fleet.ca.certificate.pem());
        own.write("ca.crl", altered);
        prop_assert!(own.load().is_err());
    }
}
