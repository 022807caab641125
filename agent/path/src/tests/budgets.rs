//! What the worst chains cost.

use rcgen::KeyPair;

use super::pki::{Ca, ca_params, configured, prove};
use crate::for_test::{parsing_cost, signature_cost};
use crate::*;

/// xorshift64*
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % count
    }
}

/// The case that webpki needs whole seconds for: CAs that a stranger made, of one name and different keys.
#[test]
fn namesakes_of_a_stranger_cost_at_most_two_signatures() {
    let root = Ca::root("Root");
    let trust = configured(&[&root.der], &[]);
    for count in 1..=8 {
        let stranger = Ca::root("Namesake");
        let namesakes: Vec<Ca> = (0..count).map(|_| stranger.below(ca_params("Namesake"))).collect();
        let presented: Vec<&[u8]> = namesakes.iter().map(|ca| &*ca.der).collect();
        let leaf = namesakes[0].client(|_| ());
        let (outcome, checks) = prove(&trust, &leaf, &presented);
        assert!(outcome.is_err());
        assert_eq!(checks, 0, "none of them leads to a trusted CA by its name");

        let forger = Ca { params: root.params.clone(), key: KeyPair::generate().unwrap(), der: Vec::new() };
        let namesakes: Vec<Ca> = (0..count).map(|_| forger.below(ca_params("Namesake"))).collect();
        let presented: Vec<&[u8]> = namesakes.iter().map(|ca| &*ca.der).collect();
        let (outcome, checks) = prove(&trust, &namesakes[0].client(|_| ()), &presented);
        assert!(checks <= 2, "{checks}");
        let fault = outcome.unwrap_err();
        if count > 2 {
            // Two of them are all that an anchor without a path length has room for.
            assert!(matches!(fault, PathFault::SignatureMismatch { .. }), "{fault:?}");
        }
    }
}

/// An operator whose anchor allows long paths gives a stranger more room; the budget ends it.
#[test]
fn an_exhausted_budget_is_told_with_its_count() {
    let mut params = ca_params("Root");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(8));
    let root = Ca::self_signed(params);
    let trust = configured(&[&root.der], &[]);
    let forger = Ca { params: root.params.clone(), key: KeyPair::generate().unwrap(), der: Vec::new() };
    let namesakes: Vec<Ca> = (0..8).map(|_| forger.below(ca_params("Namesake"))).collect();
    let presented: Vec<&[u8]> = namesakes.iter().map(|ca| &*ca.der).collect();
    let outcome = prove(&trust, &namesakes[0].client(|_| ()), &presented);
    assert_eq!(outcome, (Err(PathFault::BudgetExhausted { signature_checks: 2 }), 2));
}

/// Anchors of one name cost no more than two signatures, however many there are.
#[test]
fn anchors_of_one_name_are_not_all_tried() {
    let anchors: Vec<Ca> = (0..5).map(|_| Ca::root("Root")).collect();
    let ders: Vec<&[u8]> = anchors.iter().map(|ca| &*ca.der).collect();
    let trust = configured(&ders, &[]);
    let outcome = prove(&trust, &Ca::root("Root").client(|_| ()), &[]);
    assert_eq!(outcome, (Err(PathFault::BudgetExhausted { signature_checks: 2 }), 2));
    // Key identifiers find the right one among any number.
    let leaf = anchors[4].client(|params| params.use_authority_key_identifier_extension = true);
    assert_eq!(prove(&trust, &leaf, &[]), (Ok(vec![PathCa::Configured(4)]), 1));
}

/// A certificate as a stranger, or one who holds a device's key, may make it: all by index into small sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gene {
    subject: usize,
    key: usize,
    issuer: usize,
    signer: usize,
    key_ids: bool,
}

const NAMES: [&str; 4] = ["Root", "A", "B", "C"];
const KEYS: usize = 5;

/// Chains that an adversary finds by changing the dearest so far: whatever they are, the budget holds ([`prove`] asserts
/// it), and the search for a path is over soon.
#[test]
fn the_worst_chains_that_a_search_finds_are_within_the_budget() {
    let mut params = ca_params("Root");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(8));
    let root = Ca::self_signed(params);
    // The first key is the root's, which the adversary has got to sign a few CAs: the worst that can be.
    let keys: Vec<KeyPair> = std::iter::once(KeyPair::from_pem(&root.key.serialize_pem()).unwrap())
        .chain((1..KEYS).map(|_| KeyPair::generate().unwrap()))
        .collect();
    let trust = configured(&[&root.der], &[]);
    let rounds = std::env::var("COUNTERSIGN_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);

    let named = |name: usize| {
        let mut params = root.params.clone();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, NAMES[name]);
        params
    };
    let make = |gene: Gene| {
        let mut params = ca_params(NAMES[gene.subject]);
        params.use_authority_key_identifier_extension = gene.key_ids;
        let issuer = named(gene.issuer);
        let issuer = rcgen::Issuer::from_params(&issuer, &keys[gene.signer]);
        params.signed_by(&keys[gene.key], &issuer).unwrap().der().to_vec()
    };
    // A leaf that names the subject of the first, signed by the key of the second.
    let leaf_below = |first: Gene, second: Gene| {
        let mut params = super::pki::leaf_params("dev-1");
        params.use_authority_key_identifier_extension = first.key_ids;
        let issuer = named(first.subject);
        let issuer = rcgen::Issuer::from_params(&issuer, &keys[second.key]);
        params.signed_by(&keys[1], &issuer).unwrap().der().to_vec()
    };
    let gene = |chance: &mut Chance| Gene {
        subject: chance.below(NAMES.len()),
        key: 1 + chance.below(KEYS - 1),
        issuer: chance.below(NAMES.len()),
        signer: chance.below(KEYS),
        key_ids: chance.below(2) == 0,
    };
    let mut worst = 0;
    for seed in 1..=6 {
        let mut chance = Chance(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        let mut genes: Vec<Gene> = (0..8).map(|_| gene(&mut chance)).collect();
        let mut dearest = (0, 0);
        for _ in 0..rounds {
            let mut changed = genes.clone();
            for _ in 0..=chance.below(2) {
                let place = chance.below(8);
                changed[place] =
                    if chance.below(3) == 0 { changed[chance.below(8)] } else { gene(&mut chance) };
            }
            let ders: Vec<Vec<u8>> = changed.iter().map(|gene| make(*gene)).collect();
            let presented: Vec<&[u8]> = ders.iter().map(Vec::as_slice).collect();
            let leaf = leaf_below(changed[0], changed[1]);
            let (outcome, checks) = prove(&trust, &leaf, &presented);
            let cost = (checks, u32::from(outcome.is_err()));
            if cost >= dearest {
                (genes, dearest) = (changed, cost);
            }
        }
        worst = worst.max(dearest.0);
    }
    assert_eq!(worst, MAX_SIGNATURE_CHECKS, "the search finds chains that use the whole budget");
}

/// A proper client has room for three signatures of whatever key a CA may have, and for certificates of a few KiB.
#[test]
fn a_proper_path_of_the_dearest_keys_is_within_the_budget() {
    for key in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519, KeyKind::Rsa(4096), KeyKind::Rsa(8192)] {
        let cost = 3 * signature_cost(&key, 2048) + parsing_cost(5 * 1024);
        assert!(cost <= MAX_COST, "{key}: {cost}");
    }
}
