//! The ServerHello that answers a device (RFC 8446 §4.1.3), said in another way than the device has it.

use sha2::{Digest as _, Sha256};

/// A ServerHello with everything chosen as it must be; the extensions come in either order.
pub(crate) fn server_hello(random: &[u8], point: &[u8], version_first: bool) -> Vec<u8> {
    let version = [0, 43, 0, 2, 3, 4];
    let share = [&[0, 51, 0, 69, 0, 23, 0, 65, 4], point].concat();
    let extensions =
        if version_first { [&version[..], &share].concat() } else { [&share[..], &version].concat() };
    let head = [&[2, 0, 0, 119, 3, 3], random, &[0, 0x13, 1, 0, 0, 79]].concat();
    [head, extensions].concat()
}

/// Whether it is one of those, for some randomness and some point.
pub(crate) fn is_server_hello(message: &[u8]) -> bool {
    if message.len() != 123 {
        return false;
    }
    let random = &message[6..38];
    let is = |point: &[u8], version_first| message == server_hello(random, point, version_first);
    let asks_again = random == Sha256::digest("HelloRetryRequest").as_slice();
    !asks_again && (is(&message[59..], true) || is(&message[53..117], false))
}
