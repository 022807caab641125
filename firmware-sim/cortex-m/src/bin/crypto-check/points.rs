//! Public keys that are none: not on the curve, not below p, cut short, or written in another way.

use crate::curve::{PRIME, bytes, plus, public_key};
use crate::der::Der;
use crate::stream::Stream;
use crate::tally::{Tally, Verdict};

const MESSAGE: &[u8] = b"a message";

pub(crate) fn check(tally: &mut Tally) {
    let mut stream = Stream::new("points");
    let key = stream.scalar();
    let good = public_key(&key);
    let Some(signature) = tally.sign("a signature", &bytes(&key), MESSAGE) else { return };
    let der = Der::of(&signature);
    let mut verify = |case: &str, verdict: Verdict, point: &[u8]| {
        tally.verify(case, verdict, point, MESSAGE, der.as_bytes());
    };
    verify("the right key", Verdict::Good, &good);

    for _ in 0..64 {
        verify("a point of random numbers", Verdict::Bad, &point(&stream.bytes(), &stream.bytes()));
    }
    for bit in 8..good.len() * 8 {
        let mut damaged = good;
        damaged[bit / 8] ^= 1 << (bit % 8);
        verify("one bit flipped", Verdict::Bad, &damaged);
    }
    for number in [[0; 32], PRIME, plus(PRIME, 1), [0xff; 32]] {
        let (mut x, mut y) = ([0; 32], [0; 32]);
        x.copy_from_slice(&good[1..33]);
        y.copy_from_slice(&good[33..]);
        verify("x replaced", Verdict::Bad, &point(&number, &y));
        verify("y replaced", Verdict::Bad, &point(&x, &number));
        verify("both replaced", Verdict::Bad, &point(&number, &number));
    }
    for len in 0..good.len() {
        verify("cut short", Verdict::Bad, &good[..len]);
    }
    let mut long = [0; 66];
    long[..65].copy_from_slice(&good);
    verify("a byte too long", Verdict::Bad, &long);
    for prefix in [0x00, 0x01, 0x02, 0x03, 0x05, 0x84, 0xff] {
        let mut other = good;
        other[0] = prefix;
        verify("another first byte", Verdict::Bad, &other);
    }
}

fn point(x: &[u8; 32], y: &[u8; 32]) -> [u8; 65] {
    let mut point = [4; 65];
    point[1..33].copy_from_slice(x);
    point[33..].copy_from_slice(y);
    point
}
