//! The memory of a connection, all of it, and its sizes.

use super::latch::Latch;
use super::record::{HEADER_LEN, MIN_CIPHERTEXT};
use crate::x509;

/// The longest content of a record that is accepted, in bytes. Brokers keep their records to devices within this.
pub const MAX_CONTENT: usize = 2048;

/// An incoming record with its header, as it arrives.
const RECORD_LEN: usize = HEADER_LEN + FRAGMENT_LEN;

/// An incoming record without its header, for decryption in place.
const FRAGMENT_LEN: usize = MAX_CONTENT + MIN_CIPHERTEXT;

/// What embedded-tls keeps free at the end of the buffer for outgoing records.
const OUTGOING_RESERVE: usize = 128;

/// An outgoing record: our certificate of the greatest length in its message, or application data.
const OUTGOING_LEN: usize = x509::MAX_LEN + OUTGOING_RESERVE;

/// The buffers of one connection after another, some 5 KiB. Put it into a static: passed by value it is copied into
/// every future on the way.
pub struct Buffers {
    record: [u8; RECORD_LEN],
    fragment: [u8; FRAGMENT_LEN],
    outgoing: [u8; OUTGOING_LEN],
    latch: Latch,
}

impl Buffers {
    /// Empty buffers, in a constant expression if need be.
    pub const fn new() -> Self {
        Self {
            record: [0; RECORD_LEN],
            fragment: [0; FRAGMENT_LEN],
            outgoing: [0; OUTGOING_LEN],
            latch: Latch::new(),
        }
    }

    /// Ready for a new connection.
    pub(super) fn split(&mut self) -> (&mut [u8], &mut [u8], &mut [u8], &Latch) {
        self.latch.reset();
        (&mut self.record, &mut self.fragment, &mut self.outgoing, &self.latch)
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}
