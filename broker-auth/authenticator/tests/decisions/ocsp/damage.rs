//! Answers that were damaged on the way.

use authenticator::ocsp::{OcspStatus, judge};
use proptest::prelude::*;
use x509_ocsp::{CertStatus, RevokedInfo};

use super::forge::{data, signed, time};
use crate::pki::{SERIAL, at, ca, chain_of, delegate, now, question};

#[test]
fn an_answer_that_is_cut_or_grown_is_none() {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let signer = delegate(&ca, |_| ());
    let response = signed(&data(&request, &signer), &signer, &[signer.der()]);
    assert!(judge(&response, &request, at(now())).is_ok());
    for length in 0..response.len() {
        assert!(judge(&response[..length], &request, at(now())).is_err(), "{length}");
    }
    for octet in [0, 0x30, 0xff] {
        assert!(judge(&[&response[..], &[octet]].concat(), &request, at(now())).is_err());
    }
}

/// Whatever still counts is signed, and says what it said.
#[test]
fn an_answer_with_any_bit_flipped_says_the_same_or_is_none() {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let signer = delegate(&ca, |_| ());
    let good = data(&request, &signer);
    let mut revoked = good.clone();
    revoked.responses[0].cert_status =
        CertStatus::revoked(RevokedInfo { revocation_time: time(now()), revocation_reason: None });
    for data in [good, revoked] {
        let mut response = signed(&data, &signer, &[signer.der()]);
        let true_answer = judge(&response, &request, at(now())).expect("an answer");
        let mut still_counted = Vec::new();
        for bit in 0..8 * response.len() {
            response[bit / 8] ^= 1 << (bit % 8);
            if let Ok(answer) = judge(&response, &request, at(now())) {
                assert_eq!(answer, true_answer, "bit {bit}");
                still_counted.push(bit / 8);
            }
            response[bit / 8] ^= 1 << (bit % 8);
        }
        // Nothing is without meaning.
        assert_eq!(still_counted, Vec::<usize>::new());
    }
}

#[test]
fn a_good_answer_cannot_be_had_by_splicing_two() {
    let ca = ca("Device CA");
    let request = question(&chain_of(&ca, SERIAL), 1);
    let good = data(&request, &ca);
    let mut unknown = good.clone();
    unknown.responses[0].cert_status = CertStatus::unknown();
    let (good, unknown) = (signed(&good, &ca, &[]), signed(&unknown, &ca, &[]));
    let wanted = [OcspStatus::Good, OcspStatus::Unknown];
    for place in 0..good.len().min(unknown.len()) {
        for (head, tail) in [(&good, &unknown), (&unknown, &good)] {
            let spliced = [&head[..place], &tail[place.min(tail.len())..]].concat();
            if let Ok(answer) = judge(&spliced, &request, at(now())) {
                assert!(wanted.contains(&answer.status()));
                assert!(spliced == good || spliced == unknown, "{place}");
            }
        }
    }
}

proptest! {
    #[test]
    fn no_octets_are_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let ca = ca("Device CA");
        let request = question(&chain_of(&ca, SERIAL), 1);
        prop_assert!(judge(&octets, &request, at(now())).is_err());
    }
}
