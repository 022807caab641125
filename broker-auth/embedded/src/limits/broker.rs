//! What all sessions together may take.

/// Where memory ends that no single client's limit ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerLimits {
    /// Bytes of messages that wait for clients or for their acknowledgements.
    pub max_queued_bytes: usize,
    /// Bytes of messages on their way from publishers into the engine.
    pub max_publishing_bytes: usize,
    /// Retained messages.
    pub max_retained_messages: usize,
    /// Bytes of those, topics included.
    pub max_retained_bytes: usize,
}

/// Some 250 clients may be as far behind as a single one may be; on a small server, an eighth of the memory.
const MAX_QUEUED_BYTES: usize = 256 * 1024 * 1024;
/// 64 of the longest messages, or as many short ones as the engine takes at once.
const MAX_PUBLISHING_BYTES: usize = 16 * 1024 * 1024;
/// One for every device's status, and as many again for each of nine others.
const MAX_RETAINED_MESSAGES: usize = 100_000;
/// Some 600 bytes each.
const MAX_RETAINED_BYTES: usize = 64 * 1024 * 1024;

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            max_queued_bytes: MAX_QUEUED_BYTES,
            max_publishing_bytes: MAX_PUBLISHING_BYTES,
            max_retained_messages: MAX_RETAINED_MESSAGES,
            max_retained_bytes: MAX_RETAINED_BYTES,
        }
    }
}
