//! What a signature costs, in instructions.

use cortex_m_semihosting::hprintln;

use crate::curve::{bytes, public_key};
use crate::der::Der;
use crate::instructions::Counter;
use crate::stream::Stream;
use crate::{assembler, reference};

/// So many keys are measured, and the mean printed.
const KEYS: u32 = 8;

/// As long as what a CertificateVerify signs (RFC 8446 §4.4.3).
const MESSAGE: [u8; 130] = [b' '; 130];

/// What one operation of the device core may take at most: as measured, and three in a hundred.
const SIGN_LIMIT: u32 = 404_000;
const VERIFY_LIMIT: u32 = 727_000;

/// Prints a table. Whether the device core's operations are within their limits.
pub(crate) fn table(counter: &Counter) -> bool {
    let mut stream = Stream::new("cost");
    let (mut sign, mut verify) = ((0, 0), (0, 0));
    for _ in 0..KEYS {
        let scalar = stream.scalar();
        let (key, point) = (bytes(&scalar), public_key(&scalar));
        let (signature, ours) = counter.count(|| assembler::sign(&key, &MESSAGE));
        let theirs = reference::cost_of_signing(counter, &key, &MESSAGE);
        sign = (sign.0 + ours / KEYS, sign.1 + theirs / KEYS);
        let Some(signature) = signature else { return false };
        let der = Der::of(&signature);
        let (good, ours) = counter.count(|| assembler::verify(&point, &MESSAGE, der.as_bytes()));
        let (good_too, theirs) = counter.count(|| reference::verify(&point, &MESSAGE, der.as_bytes()));
        if !good || !good_too {
            return false;
        }
        verify = (verify.0 + ours / KEYS, verify.1 + theirs / KEYS);
    }
    let mut good = true;
    hprintln!("{:<14}{:>12}{:>12}{:>8}{:>12}", "instructions", "p256-cm4", "p256", "ratio", "limit");
    for (name, (ours, theirs), limit) in [("sign", sign, SIGN_LIMIT), ("verify", verify, VERIFY_LIMIT)] {
        let tenths = theirs.saturating_mul(10) / ours.max(1);
        hprintln!("{:<14}{:>12}{:>12}{:>6}.{}{:>12}", name, ours, theirs, tenths / 10, tenths % 10, limit);
        good &= ours <= limit;
    }
    good
}
