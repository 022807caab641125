//! [`judge_body`]: whether what a server sends is what is fetched.

use authenticator::trust::{CrlFault, unverified_next_update};
use fetch::Bounds;
use rustls_pki_types::UnixTime;
use second_factor::token::{KeySet, KeySetError};

use crate::config::FetchedKind;

/// Why what a server sends does not replace what it sent before.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnusableBody {
    /// It is no revocation list.
    #[error(transparent)]
    List(CrlFault),
    /// It is no key set.
    #[error(transparent)]
    KeySet(KeySetError),
    /// It is a key set that would end every session.
    #[error("the key set has no key that can be used")]
    NoKey,
}

/// Judges a file by itself: whether it is signed by the right CA, or newer, is for whoever reads it. Returns when it is due to
/// be replaced, if it says so.
pub(super) fn judge_body(kind: FetchedKind, bytes: &[u8]) -> Result<Option<UnixTime>, UnusableBody> {
    match kind {
        FetchedKind::RevocationList => unverified_next_update(bytes).map(Some).map_err(UnusableBody::List),
        FetchedKind::KeySet => {
            let keys = KeySet::parse(bytes).map_err(UnusableBody::KeySet)?;
            if keys.digests().next().is_some() { Ok(None) } else { Err(UnusableBody::NoKey) }
        }
    }
}

/// What a fetch may take: a file that would be refused for its length is not fetched to its end.
pub(super) fn bounds_of(kind: FetchedKind, configured: Bounds) -> Bounds {
    match kind {
        FetchedKind::RevocationList => configured,
        FetchedKind::KeySet => {
            Bounds { max_bytes: configured.max_bytes.min(KeySet::MOST_BYTES), ..configured }
        }
    }
}
