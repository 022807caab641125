//! [`Fetched`]: what a server has at a URL.

use std::time::Duration;

use bytes::Bytes;

use crate::validators::Validators;

/// What a server has at a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The same as before.
    NotModified {
        /// For how long from now, as far as the server says.
        max_age: Option<Duration>,
    },
    /// A file, of at least one byte.
    Body {
        /// The file. If the server did not say how long it is, it may be cut: HTTP cannot tell (RFC 9112 §6.3).
        bytes: Bytes,
        /// What to ask with the next time.
        validators: Validators,
        /// For how long it is good from now, as far as the server says: `max-age` less `Age`, and none with `no-cache`
        /// or `no-store` (RFC 9111 §4.2.1).
        max_age: Option<Duration>,
    },
}
