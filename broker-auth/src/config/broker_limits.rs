//! `[limits]`: what all clients of all listeners together may use up.

use broker_rules::config::{ConfigError, Table};
use embedded::BrokerLimits;

/// Reads `[limits]`.
pub(super) fn read_broker_limits(table: Table<'_>) -> Result<BrokerLimits, ConfigError> {
    let mut limits = BrokerLimits::default();
    for (key, limit) in [
        ("max-queued-bytes", &mut limits.max_queued_bytes),
        ("max-publishing-bytes", &mut limits.max_publishing_bytes),
        ("max-retained-messages", &mut limits.max_retained_messages),
        ("max-retained-bytes", &mut limits.max_retained_bytes),
    ] {
        if let Some(value) = table.get(key) {
            *limit = value.positive()?;
        }
    }
    table.finish()?;
    Ok(limits)
}
