//! Names of the MQTT 5 user properties (§2.2.2.2, property 0x26) in which a broker tells a device something of ours.
//!
//! They come in CONNACK and DISCONNECT. A device that knows none of them loses nothing.

/// The broker's clock: seconds since the Unix epoch, a decimal number. In CONNACK.
pub const TIME: &str = "countersign-time";

/// How long the device is asked to stay away before it connects again: seconds, a decimal number. In CONNACK and
/// DISCONNECT. It lengthens the device's own wait and never shortens it.
pub const RETRY_AFTER: &str = "countersign-retry-after";
