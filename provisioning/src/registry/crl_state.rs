//! [`CrlState`]: the number and the dates of a CRL.

use crate::timestamp::Timestamp;

/// The number and the dates of a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrlState {
    /// The CRL number (RFC 5280 §5.2.3).
    pub(crate) number: u64,
    /// `thisUpdate`: when it was signed.
    pub(crate) this_update: Timestamp,
    /// `nextUpdate`: when a newer CRL is due.
    pub(crate) next_update: Timestamp,
}

/// A number of a CRL, as SQLite counts.
pub(super) fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
