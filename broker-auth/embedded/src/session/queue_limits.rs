//! [`QueueLimits`]: how much may wait for one client, or for one group.

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// There was no room: the message is lost, and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// In this client's queue.
    Queue,
    /// In the memory that all queues share.
    Memory,
}
