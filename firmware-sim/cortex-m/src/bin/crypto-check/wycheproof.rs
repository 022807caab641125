//! Project Wycheproof's test vectors for ECDSA on P-256 with SHA-256: x, y, message, signature, and whether it is good.
//!
//! They are the ones RustCrypto's p256 is tested with. One of their messages has a digest that is not below n.

use crate::tally::{Tally, Verdict};

const VECTORS: &[&[u8]] = blobby::parse_into_slice!(include_bytes!("wycheproof.blb"));

pub(crate) fn check(tally: &mut Tally) {
    let (vectors, rest) = VECTORS.as_chunks();
    tally.expect("the file", rest.is_empty());
    for [x, y, message, signature, good] in vectors {
        let mut point = [4; 65];
        put(&mut point[1..33], x);
        put(&mut point[33..], y);
        let verdict = if *good == [1] { Verdict::Good } else { Verdict::Bad };
        tally.verify("a vector", verdict, &point, message, signature);
    }
}

/// A number that has lost its leading zeros, or has one too many.
fn put(to: &mut [u8], number: &[u8]) {
    to.fill(0);
    for (to, from) in to.iter_mut().rev().zip(number.iter().rev()) {
        *to = *from;
    }
}
