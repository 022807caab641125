//! What one session may take.

use std::num::NonZeroU16;
use std::time::Duration;

/// What one session may take, and how many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sessions at once, those that are kept for absent clients included; of all listeners, the sum counts.
    pub max_sessions: usize,
    /// Sessions of one identity at once, likewise.
    pub max_sessions_per_identity: usize,
    /// QoS 1 and 2 messages on their way to one client, unacknowledged.
    pub max_inflight: u16,
    /// Messages waiting for one client.
    pub max_queued_messages: usize,
    /// Bytes of messages waiting for one client.
    pub max_queued_bytes: usize,
    /// Retained messages of one identity, as the last to have written them.
    pub max_retained_messages_per_identity: usize,
    /// Bytes of those, topics included.
    pub max_retained_bytes_per_identity: usize,
    /// Bytes of one client's last will, topic and properties included.
    pub max_will_size: usize,
    /// Subscriptions of one client.
    pub max_subscriptions: usize,
    /// Levels of a topic or filter.
    pub max_topic_levels: usize,
    /// Bytes of a topic or filter.
    pub max_topic_length: usize,
    /// Topic aliases of one connection (MQTT 5 §3.3.2.3.4).
    pub max_topic_aliases: u16,
    /// How long a session may outlive its connection.
    pub session_expiry_max: Duration,
    /// The longest keep-alive of MQTT 5 clients, in seconds; one that asks for more, or for none, gets this. A dead
    /// client is noticed after one and a half times as long.
    pub max_keep_alive: NonZeroU16,
}

/// A session for every connection, and as many kept for devices that are away.
const MAX_SESSIONS: usize = 40_000;
/// A device has one; a service with more than this many clients at once is rather several services.
const MAX_SESSIONS_PER_IDENTITY: usize = 64;
/// What rumqttd and mosquitto grant (100 and 20), in between.
const MAX_INFLIGHT: u16 = 64;
/// A device that was away for a night at a command a minute finds them all.
const MAX_QUEUED_MESSAGES: usize = 1_000;
/// A thousand slow clients cannot take more than a gigabyte.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// A device has a status and a few others; it takes a hundred stolen devices to fill the store.
const MAX_RETAINED_MESSAGES_PER_IDENTITY: usize = 1_000;
/// A kilobyte each.
const MAX_RETAINED_BYTES_PER_IDENTITY: usize = 1024 * 1024;
/// A will says `offline`, and why; 20,000 of them are 160 MB at most.
const MAX_WILL_SIZE: usize = 8 * 1024;
/// A device needs two; a service rarely a hundred.
const MAX_SUBSCRIPTIONS: usize = 100;
/// `devices/<id>/telemetry/…` leaves room for a dozen more; matching costs time per level.
const MAX_TOPIC_LEVELS: usize = 16;
/// Four times what AWS IoT Core takes; topics are kept with every subscription, alias and retained message.
const MAX_TOPIC_LENGTH: usize = 1024;
/// A device with more topics than this gains little by them.
const MAX_TOPIC_ALIASES: u16 = 16;
/// A long week-end.
const SESSION_EXPIRY_MAX: Duration = Duration::from_secs(4 * 24 * 3600);
/// NAT tables forget a silent connection earlier.
const MAX_KEEP_ALIVE: NonZeroU16 = NonZeroU16::new(1200).unwrap();

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            max_sessions: MAX_SESSIONS,
            max_sessions_per_identity: MAX_SESSIONS_PER_IDENTITY,
            max_inflight: MAX_INFLIGHT,
            max_queued_messages: MAX_QUEUED_MESSAGES,
            max_queued_bytes: MAX_QUEUED_BYTES,
            max_retained_messages_per_identity: MAX_RETAINED_MESSAGES_PER_IDENTITY,
            max_retained_bytes_per_identity: MAX_RETAINED_BYTES_PER_IDENTITY,
            max_will_size: MAX_WILL_SIZE,
            max_subscriptions: MAX_SUBSCRIPTIONS,
            max_topic_levels: MAX_TOPIC_LEVELS,
            max_topic_length: MAX_TOPIC_LENGTH,
            max_topic_aliases: MAX_TOPIC_ALIASES,
            session_expiry_max: SESSION_EXPIRY_MAX,
            max_keep_alive: MAX_KEEP_ALIVE,
        }
    }
}
