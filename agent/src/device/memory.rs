//! The memory of an agent, and its sizes.

use crate::tls::Buffers;

/// The longest packet without its payload: CONNECT, with its client identifier and its will.
pub(super) const HEAD_LEN: usize = 512;

/// All the memory of an agent but its futures: some 10 KiB by default. Put it into a static.
///
/// `QUEUE` bytes for what waits to be sent, `INCOMING` for the longest packet that is taken from the broker.
pub struct Memory<const QUEUE: usize = 2048, const INCOMING: usize = 2048> {
    pub(super) tls: Buffers,
    pub(super) incoming: [u8; INCOMING],
    pub(super) head: [u8; HEAD_LEN],
    pub(super) queue: [u8; QUEUE],
}

impl<const QUEUE: usize, const INCOMING: usize> Memory<QUEUE, INCOMING> {
    /// Empty memory, in a constant expression if need be.
    pub const fn new() -> Self {
        // A CONNACK of a broker that names its limits and the time.
        const { assert!(INCOMING >= 256, "too little for a CONNACK") };
        Self { tls: Buffers::new(), incoming: [0; INCOMING], head: [0; HEAD_LEN], queue: [0; QUEUE] }
    }
}

impl<const QUEUE: usize, const INCOMING: usize> Default for Memory<QUEUE, INCOMING> {
    fn default() -> Self {
        Self::new()
    }
}
