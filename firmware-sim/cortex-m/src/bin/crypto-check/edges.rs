//! Where additions meet their exceptions: equal points, opposite points, the point at infinity, numbers next to n and p.
//!
//! Any signature is good for some key: with R = k·G, r = x(R) mod n, and any s, it is that of Q = (s·R - z·G) / r. So
//! u1 = z / s and u2 = r / s can be chosen at will.

use p256::elliptic_curve::point::DecompressPoint as _;
use p256::elliptic_curve::subtle::Choice;
use p256::{AffinePoint, ProjectivePoint, Scalar};

use crate::curve::{ORDER, bytes, digest, encode, plus, public_key, scalar, x};
use crate::der::Der;
use crate::stream::Stream;
use crate::tally::{Tally, Verdict};

const MESSAGE: &[u8] = b"a message";

pub(crate) fn check(tally: &mut Tally) {
    keys_next_to_the_generator(tally);
    factors(tally);
    nonces_whose_x_is_next_to_the_order(tally);
    sums_that_are_infinity(tally);
}

/// Their points are in the tables of the arithmetic, or opposite to those.
fn keys_next_to_the_generator(tally: &mut Tally) {
    for n in 1..=17u64 {
        for key in [Scalar::from(n), -Scalar::from(n)] {
            let Some(signature) = tally.sign("a small key", &bytes(&key), MESSAGE) else { continue };
            tally.verify(
                "a small key",
                Verdict::Good,
                &public_key(&key),
                MESSAGE,
                Der::of(&signature).as_bytes(),
            );
        }
    }
}

fn factors(tally: &mut Tally) {
    let z = digest(MESSAGE);
    let nonce = ProjectivePoint::GENERATOR * Stream::new("factors").scalar();
    let r = scalar(&x(&nonce));
    let one = Scalar::ONE;
    let two_to_the_128 = Scalar::from(1u64 << 32).square().square();
    let odd_one_out =
        [one, one + one, Scalar::from(15u64), Scalar::from(16u64), Scalar::from(31u64), two_to_the_128];
    for factor in odd_one_out.into_iter().chain(odd_one_out.map(|factor| -factor)) {
        let Some(inverse) = Option::<Scalar>::from(factor.invert()) else { continue };
        signature_by_any_nonce(tally, "u1", &nonce, &r, &(z * inverse));
        signature_by_any_nonce(tally, "u2", &nonce, &r, &(r * inverse));
    }
}

/// x of a nonce may be n or more, and is less than p; r is then what is left of it.
fn nonces_whose_x_is_next_to_the_order(tally: &mut Tally) {
    let mut stream = Stream::new("nonces");
    let mut found = 0;
    for n in 1..=40 {
        for (case, x) in
            [("a nonce with x above n", plus(ORDER, n)), ("a nonce with a small x", plus([0; 32], n))]
        {
            let point = AffinePoint::decompress(&x.into(), Choice::from(n & 1));
            let Some(point) = Option::<AffinePoint>::from(point) else { continue };
            found += 1;
            signature_by_any_nonce(tally, case, &point.into(), &scalar(&x), &stream.scalar());
        }
    }
    tally.expect("half of all numbers are an x", found > 20);
}

/// u1·G = -u2·Q. Nothing signs like this, and nothing must come of it.
fn sums_that_are_infinity(tally: &mut Tally) {
    let mut stream = Stream::new("infinity");
    let z = digest(MESSAGE);
    for _ in 0..4 {
        for key in [stream.scalar(), Scalar::ONE, -Scalar::ONE] {
            let Some(inverse) = Option::<Scalar>::from(key.invert()) else { continue };
            let s = stream.scalar();
            for (case, r) in [("a sum of infinity", -z * inverse), ("a sum of equals", z * inverse)] {
                let der = Der::new(&bytes(&r), &bytes(&s));
                tally.verify(case, Verdict::Bad, &public_key(&key), MESSAGE, der.as_bytes());
            }
        }
    }
}

fn signature_by_any_nonce(tally: &mut Tally, case: &str, nonce: &ProjectivePoint, r: &Scalar, s: &Scalar) {
    let Some(inverse) = Option::<Scalar>::from(r.invert()) else { return };
    let key = (*nonce * s - ProjectivePoint::GENERATOR * digest(MESSAGE)) * inverse;
    let der = Der::new(&bytes(r), &bytes(s));
    tally.verify(case, Verdict::Good, &encode(&key), MESSAGE, der.as_bytes());
}
