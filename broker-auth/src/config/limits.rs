//! `[listener.limits]`: what one client, or all of a listener, may use up.

use std::num::{NonZeroU16, NonZeroUsize};
use std::thread::available_parallelism;
use std::time::Duration;

use super::error::ConfigError;
use super::reader::Table;

/// How long, how many, how much. Every wait has a deadline and every queue an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// From the end of the handshake to a whole CONNECT.
    pub connect_timeout: Duration,
    /// From the first byte of a packet to its last.
    pub packet_timeout: Duration,
    /// For one write to make progress.
    pub write_timeout: Duration,
    /// Connections of this listener at once, handshakes included.
    pub max_connections: usize,
    /// Connections from one IP address at once; of IPv6, from one /64, which is the least that anybody has.
    pub max_connections_per_address: usize,
    /// Connections at once from what one network has: an IPv4 /24, an IPv6 /48.
    pub max_connections_per_prefix: usize,
    /// Handshakes computed at once. Others wait for their turn; one that waits for its client has none.
    pub max_handshakes: usize,
    /// Handshakes begun per second, after as many at once. Others wait, and address prefixes take turns.
    pub max_handshakes_per_second: u32,
    /// Sessions at once, those that are kept for absent clients included; of all listeners, the sum counts.
    pub max_sessions: usize,
    /// Sessions of one identity at once, likewise.
    pub max_sessions_per_identity: usize,
    /// Bytes of one MQTT packet.
    pub max_packet_size: usize,
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

/// A Cortex-M4 needs up to two seconds for its half of a handshake; ten leave room for a slow link.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// CONNECT follows the handshake at once; the same room for a slow link.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// 256 KiB in 20 s are 13 KB/s: a GPRS link can do that, and a dribbling client cannot hold a buffer for long.
const PACKET_TIMEOUT: Duration = Duration::from_secs(20);
/// A client that takes nothing for this long is gone, or means harm.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// 20,000 idle TLS connections need about 300 MB, which a small server has.
const MAX_CONNECTIONS: usize = 20_000;
/// A site's devices often share one address behind NAT, so this cuts floods, not fleets.
const MAX_CONNECTIONS_PER_ADDRESS: usize = 2_000;
/// A network has several such addresses, and one network must not have all places. Never less than one address may have.
const MAX_CONNECTIONS_PER_PREFIX: usize = 4_000;
/// What one core computes in a second, or little less. A fleet of 5,000 is back within three.
const MAX_HANDSHAKES_PER_SECOND: u32 = 2_000;
/// A session for every connection, and as many kept for devices that are away.
const MAX_SESSIONS: usize = 40_000;
/// A device has one; a service with more than this many clients at once is rather several services.
const MAX_SESSIONS_PER_IDENTITY: usize = 64;
/// Telemetry is small; firmware images belong elsewhere.
const MAX_PACKET_SIZE: usize = 256 * 1024;
/// What rumqttd and mosquitto grant (100 and 20), in between.
const MAX_INFLIGHT: u16 = 64;
/// A device that was away for a night at a command a minute finds them all.
const MAX_QUEUED_MESSAGES: usize = 1_000;
/// A thousand slow clients cannot take more than a gigabyte.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// A device has a status and a few others; a hundred thieves are needed to fill the store.
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: HANDSHAKE_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            packet_timeout: PACKET_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            max_connections: MAX_CONNECTIONS,
            max_connections_per_address: MAX_CONNECTIONS_PER_ADDRESS,
            max_connections_per_prefix: MAX_CONNECTIONS_PER_PREFIX,
            max_handshakes: available_parallelism().map_or(1, NonZeroUsize::get),
            max_handshakes_per_second: MAX_HANDSHAKES_PER_SECOND,
            max_sessions: MAX_SESSIONS,
            max_sessions_per_identity: MAX_SESSIONS_PER_IDENTITY,
            max_packet_size: MAX_PACKET_SIZE,
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

impl Limits {
    pub(super) fn read(table: Table<'_>) -> Result<Self, ConfigError> {
        let mut limits = Self::default();
        for (key, limit) in [
            ("handshake-timeout", &mut limits.handshake_timeout),
            ("connect-timeout", &mut limits.connect_timeout),
            ("packet-timeout", &mut limits.packet_timeout),
            ("write-timeout", &mut limits.write_timeout),
        ] {
            let Some(value) = table.get(key) else { continue };
            *limit = value.duration()?;
            if limit.is_zero() {
                return Err(value.refuse("a deadline of zero lets nobody in"));
            }
        }
        if let Some(value) = table.get("session-expiry-max") {
            limits.session_expiry_max = value.duration()?;
        }
        for (key, limit) in [
            ("max-connections", &mut limits.max_connections),
            ("max-connections-per-address", &mut limits.max_connections_per_address),
            ("max-handshakes", &mut limits.max_handshakes),
            ("max-sessions", &mut limits.max_sessions),
            ("max-sessions-per-identity", &mut limits.max_sessions_per_identity),
            ("max-packet-size", &mut limits.max_packet_size),
            ("max-queued-messages", &mut limits.max_queued_messages),
            ("max-queued-bytes", &mut limits.max_queued_bytes),
            ("max-retained-messages-per-identity", &mut limits.max_retained_messages_per_identity),
            ("max-retained-bytes-per-identity", &mut limits.max_retained_bytes_per_identity),
            ("max-will-size", &mut limits.max_will_size),
            ("max-subscriptions", &mut limits.max_subscriptions),
            ("max-topic-levels", &mut limits.max_topic_levels),
            ("max-topic-length", &mut limits.max_topic_length),
        ] {
            if let Some(value) = table.get(key) {
                *limit = value.positive()?;
            }
        }
        for (key, limit) in
            [("max-inflight", &mut limits.max_inflight), ("max-topic-aliases", &mut limits.max_topic_aliases)]
        {
            if let Some(value) = table.get(key) {
                *limit = value.positive()?;
            }
        }
        if let Some(value) = table.get("max-keep-alive") {
            let seconds = u16::try_from(value.duration()?.as_secs()).ok().and_then(NonZeroU16::new);
            limits.max_keep_alive =
                seconds.ok_or_else(|| value.refuse("a keep-alive has 1 to 65535 seconds"))?;
        }
        if let Some(value) = table.get("max-handshakes-per-second") {
            limits.max_handshakes_per_second = value.positive()?;
        }
        limits.max_connections_per_prefix = match table.get("max-connections-per-prefix") {
            Some(value) => value.positive()?,
            None => limits.max_connections_per_prefix.max(limits.max_connections_per_address),
        };
        table.finish()?;
        Ok(limits)
    }
}
