//! How long a certificate may be.

/// The longest certificate, in bytes. Ours have about 500; a peer must not make a device walk more.
pub const MAX_LEN: usize = 1024;
