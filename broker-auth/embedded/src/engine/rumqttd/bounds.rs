//! How long the router may take, and how much it may keep.

use std::time::Duration;

use crate::bus::BusFilter;

/// How long the router may take to answer. It answers in microseconds while it lives; when it dies with the
/// question unread it never does.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages that wait for the publish thread, however short. When it is full, publishers wait: their sockets are read
/// no further.
pub(super) const PUBLISH_QUEUE: usize = 4096;

/// What the router keeps of each bus filter, in bytes of one segment. A subscriber that is further behind than all
/// segments loses messages, which its link counts.
pub(super) const SEGMENT_SIZE: usize = 256 * 1024;

/// Segments kept for each bus filter.
pub(super) const SEGMENT_COUNT: usize = 8;

/// The same for the many bus filters that name a bucket: commands for a few devices, whose sessions have queues of their
/// own. The router never forgets a log, so what all devices of a large fleet have ever heard on one lane takes 256 MiB; a
/// message that is longer than a segment takes its own length instead.
pub(super) const NARROW_SEGMENT_SIZE: usize = 32 * 1024;

/// Segments kept for each of those.
pub(super) const NARROW_SEGMENT_COUNT: usize = 8;

/// How far a session may be behind before publishers wait for it, in bytes of sealed messages: half of what its log
/// certainly holds, as the oldest segment goes when a new one is begun.
pub(super) fn lag_limit(filter: BusFilter) -> u64 {
    let (size, count) = if filter.is_narrow() {
        (NARROW_SEGMENT_SIZE, NARROW_SEGMENT_COUNT)
    } else {
        (SEGMENT_SIZE, SEGMENT_COUNT)
    };
    (size * (count - 1) / 2) as u64
}

/// How often routers may die before the engine is given up: something kills them, and will go on.
pub(super) const MAX_REBUILDS: usize = 5;

/// Within which time.
pub(super) const REBUILDS_WITHIN: Duration = Duration::from_secs(60);
