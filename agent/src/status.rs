//! What is said on a device's status topic: by the device itself, retained, and by the broker as its will.

/// The device has a session.
pub const ONLINE: &str = "online";

/// The device has left its session, or the broker has lost it.
pub const OFFLINE: &str = "offline";
