//! Random small PKIs, judged here and by `openssl verify`.
//!
//! Nothing that differs is passed over: each difference must be of a kind that [`Difference`] states with its clause, and
//! each kind must occur. `COUNTERSIGN_TEST_SEED` repeats a run whose seed was told.

mod difference;
mod judges;
mod key;
mod pki;

use std::collections::BTreeMap;
use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::difference::{Difference, explain};
use crate::judges::{Case, OpenSsl, ours};
use crate::key::Keys;
use crate::pki::{CaShape, Dice, Made, Pki, THEMES};

/// At least so many are judged, and more until each difference has occurred.
const PKIS: usize = 240;

const MOST_PKIS: usize = 2000;

#[test]
fn paths_are_those_of_openssl_but_for_what_differs_by_design() {
    let seed = env::var("COUNTERSIGN_TEST_SEED").map_or_else(
        |_| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into(),
        |seed| seed.parse().expect("a number"),
    );
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys::new(directory.path());
    let openssl = OpenSsl { directory: directory.path() };
    let mut dice = Dice::of(seed);
    let (mut taken, mut refused) = (0, 0);
    let mut differences: BTreeMap<Difference, u32> = BTreeMap::new();
    for number in 0..MOST_PKIS {
        if number >= PKIS && differences.len() == Difference::ALL.len() {
            break;
        }
        let Pki { anchors, intermediates, presented, leaves } =
            Pki::roll(&mut dice, &THEMES[number % THEMES.len()], &keys);
        let case = Case { anchors, intermediates, presented };
        let verdicts = openssl.verify(&case, &leaves.iter().collect::<Vec<_>>());
        for (leaf, theirs) in leaves.iter().zip(verdicts) {
            let ours = ours(&case, leaf);
            match explain(&openssl, &case, leaf, &ours, theirs) {
                Ok(Some(difference)) => *differences.entry(difference).or_default() += 1,
                Ok(None) if ours.is_ok() => taken += 1,
                Ok(None) => refused += 1,
                Err(unexplained) => {
                    let shapes = |cas: &[Made<CaShape>]| -> String {
                        cas.iter().map(|ca| format!("\n  {:?}", ca.shape)).collect()
                    };
                    panic!(
                        "COUNTERSIGN_TEST_SEED={seed}, PKI {number}: {unexplained}\nhere {ours:?}, OpenSSL {theirs:?}\n\
                         {:?}\nanchors {}\nintermediates {}\npresented {}",
                        leaf.shape,
                        shapes(&case.anchors),
                        shapes(&case.intermediates),
                        shapes(&case.presented)
                    );
                }
            }
        }
    }
    println!("seed {seed}: both take {taken}, both refuse {refused}, {differences:?}");
    assert!(taken > 200 && refused > 200, "seed {seed}: both take {taken}, both refuse {refused}");
    for difference in Difference::ALL {
        assert!(
            differences.contains_key(&difference),
            "seed {seed}: {difference:?} never occurs: {differences:?}"
        );
    }
}
