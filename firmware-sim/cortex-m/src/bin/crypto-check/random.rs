//! Pseudo-random keys and messages: both implementations sign and verify alike, and refuse after one flipped bit.

use crate::curve::{bytes, public_key};
use crate::der::Der;
use crate::stream::Stream;
use crate::tally::{Tally, Verdict};

const ROUNDS: usize = 256;

pub(crate) fn check(tally: &mut Tally) {
    let mut stream = Stream::new("random");
    for round in 0..ROUNDS {
        let key = stream.scalar();
        let mut point = public_key(&key);
        let mut buffer = [0; 256];
        for chunk in buffer.chunks_exact_mut(32) {
            chunk.copy_from_slice(&stream.bytes());
        }
        // Every length from none to 255 bytes.
        let message = &mut buffer[..round];

        let Some(mut signature) = tally.sign("a signature", &bytes(&key), message) else { continue };
        let der = Der::of(&signature);
        tally.verify("a good signature", Verdict::Good, &point, message, der.as_bytes());

        let damaged: &mut [u8] = match round % 4 {
            0 => &mut signature[..32],
            1 => &mut signature[32..],
            2 => &mut point[1..],
            // The first message is empty, and its turn is not this one.
            _ => message,
        };
        let bit = stream.below(8 * damaged.len());
        damaged[bit / 8] ^= 1 << (bit % 8);
        tally.verify("one bit flipped", Verdict::Bad, &point, message, Der::of(&signature).as_bytes());
    }
}
