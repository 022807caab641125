//! Signatures with numbers that are out of range, exchanged, negated, or wrong in one bit.

use crate::curve::{ORDER, bytes, plus, public_key, scalar};
use crate::der::Der;
use crate::stream::Stream;
use crate::tally::{Tally, Verdict};

/// Of the 512 bits of a signature, every so many is flipped.
const STRIDE: usize = 5;

const MESSAGE: &[u8] = b"a message";

pub(crate) fn check(tally: &mut Tally) {
    let mut stream = Stream::new("damage");
    let out_of_range =
        [("zero", [0; 32]), ("n", ORDER), ("n + 1", plus(ORDER, 1)), ("2^256 - 1", [0xff; 32])];
    for _ in 0..8 {
        let key = stream.scalar();
        let point = public_key(&key);
        let Some(signature) = tally.sign("a signature", &bytes(&key), MESSAGE) else { continue };
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature[..32]);
        s.copy_from_slice(&signature[32..]);

        let mut verify = |case: &str, verdict: Verdict, r: &[u8; 32], s: &[u8; 32]| {
            tally.verify(case, verdict, &point, MESSAGE, Der::new(r, s).as_bytes());
        };
        verify("as signed", Verdict::Good, &r, &s);
        // Low s is a rule of blockchains, not of X.509 or TLS.
        verify("n - s", Verdict::Good, &r, &bytes(&-scalar(&s)));
        verify("n - r", Verdict::Bad, &bytes(&-scalar(&r)), &s);
        verify("r and s exchanged", Verdict::Bad, &s, &r);
        verify("r and s one", Verdict::Bad, &plus([0; 32], 1), &plus([0; 32], 1));
        for (case, number) in &out_of_range {
            verify(case, Verdict::Bad, number, &s);
            verify(case, Verdict::Bad, &r, number);
            verify(case, Verdict::Bad, number, number);
        }
    }

    let key = stream.scalar();
    let point = public_key(&key);
    let Some(signature) = tally.sign("a signature", &bytes(&key), MESSAGE) else { return };
    for bit in (0..512).step_by(STRIDE) {
        let mut damaged = signature;
        damaged[bit / 8] ^= 1 << (bit % 8);
        tally.verify("one bit flipped", Verdict::Bad, &point, MESSAGE, Der::of(&damaged).as_bytes());
    }
}
