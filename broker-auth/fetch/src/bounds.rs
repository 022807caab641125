//! [`Bounds`]: what one fetch may take.

use std::time::Duration;

/// How long the status line and the header of an answer may be together, bytes.
pub(crate) const MAX_HEAD_LEN: usize = 16 * 1024;

/// How many redirects are followed.
pub(crate) const MAX_REDIRECTS: usize = 2;

/// How many addresses of a name are tried.
pub(crate) const MAX_ADDRESSES: usize = 8;

/// How long a fetch may take at most, whatever was asked for.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// What one fetch may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How long the body may be, bytes.
    pub max_bytes: usize,
    /// How long everything may take together: the name, the connection, TLS, redirects, and the last byte of the body. No
    /// more than an hour.
    pub timeout: Duration,
}
