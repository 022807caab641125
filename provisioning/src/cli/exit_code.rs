//! The exit codes of the process. Scripts rely on them.

/// Done.
pub(super) const DONE: u8 = 0;

/// Failed: a disk error, a lock held by another process, or a fault in this program.
pub(super) const FAILED: u8 = 1;

/// Wrong usage, or no passphrase available.
pub(super) const USAGE: u8 = 2;

/// Input refused: a missing or bad file, certificate, request or order.
pub(super) const REFUSED: u8 = 3;

/// Unknown device, service or serial number.
pub(super) const UNKNOWN: u8 = 4;

/// What is asked for exists already, or contradicts what exists.
pub(super) const CONFLICT: u8 = 5;

/// Checked, and found wanting.
pub(super) const FOUND_WANTING: u8 = 6;
