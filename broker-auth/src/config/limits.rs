//! `[listener.limits]`: what one client, or all of a listener, may use up. Each module owns the limits that it keeps.

use std::num::NonZeroU16;
use std::sync::Arc;

use broker_rules::config::{ConfigError, Table};
use embedded::SessionLimits;
use mqtt::ConnectionLimits;

use crate::listener::{Limits, ListenerLimits};

/// Reads `[listener.limits]`.
pub(super) fn read_limits(table: Table<'_>) -> Result<Limits, ConfigError> {
    let mut listener = ListenerLimits::default();
    let mut connection = ConnectionLimits::default();
    let mut session = SessionLimits::default();
    for (key, limit) in [
        ("handshake-timeout", &mut listener.handshake_timeout),
        ("connect-timeout", &mut listener.connect_timeout),
        ("packet-timeout", &mut connection.packet_timeout),
        ("write-timeout", &mut connection.write_timeout),
    ] {
        let Some(value) = table.get(key) else { continue };
        *limit = value.duration()?;
        if limit.is_zero() {
            return Err(value.refuse("a deadline of zero lets nobody in"));
        }
    }
    if let Some(value) = table.get("session-expiry-max") {
        session.session_expiry_max = value.duration()?;
    }
    for (key, limit) in [
        ("max-connections", &mut listener.max_connections),
        ("max-connections-per-address", &mut listener.max_connections_per_address),
        ("max-handshakes", &mut listener.max_handshakes),
        ("max-sessions", &mut session.max_sessions),
        ("max-sessions-per-identity", &mut session.max_sessions_per_identity),
        ("max-packet-size", &mut connection.max_packet_size),
        ("max-queued-messages", &mut session.max_queued_messages),
        ("max-queued-bytes", &mut session.max_queued_bytes),
        ("max-retained-messages-per-identity", &mut session.max_retained_messages_per_identity),
        ("max-retained-bytes-per-identity", &mut session.max_retained_bytes_per_identity),
        ("max-will-size", &mut session.max_will_size),
        ("max-subscriptions", &mut session.max_subscriptions),
        ("max-topic-levels", &mut session.max_topic_levels),
        ("max-topic-length", &mut session.max_topic_length),
    ] {
        if let Some(value) = table.get(key) {
            *limit = value.positive()?;
        }
    }
    for (key, limit) in
        [("max-inflight", &mut session.max_inflight), ("max-topic-aliases", &mut session.max_topic_aliases)]
    {
        if let Some(value) = table.get(key) {
            *limit = value.positive()?;
        }
    }
    if let Some(value) = table.get("max-keep-alive") {
        let seconds = u16::try_from(value.duration()?.as_secs()).ok().and_then(NonZeroU16::new);
        session.max_keep_alive =
            seconds.ok_or_else(|| value.refuse("a keep-alive has 1 to 65535 seconds"))?;
    }
    if let Some(value) = table.get("max-handshakes-per-second") {
        listener.max_handshakes_per_second = value.positive()?;
    }
    listener.max_connections_per_prefix = match table.get("max-connections-per-prefix") {
        Some(value) => value.positive()?,
        None => listener.max_connections_per_prefix.max(listener.max_connections_per_address),
    };
    table.finish()?;
    Ok(Limits { listener: Arc::new(listener), connection: Arc::new(connection), session: Arc::new(session) })
}
