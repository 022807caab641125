//! What the process's exit code says. Scripts hold on to these.

/// Done.
pub(super) const DONE: u8 = 0;

/// Failed: the disk, another writer, or a fault in this program.
pub(super) const FAILED: u8 = 1;

/// Not understood; or no passphrase to be had.
pub(super) const USAGE: u8 = 2;

/// Input refused: a missing or bad file, certificate, request or order.
pub(super) const REFUSED: u8 = 3;

/// No such device, service or serial.
pub(super) const UNKNOWN: u8 = 4;

/// It exists already, or contradicts what exists.
pub(super) const CONFLICT: u8 = 5;
