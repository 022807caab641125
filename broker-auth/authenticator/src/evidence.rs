//! What is known of a client when something is decided about it: values that others have gathered.

use rustls_pki_types::UnixTime;

use crate::origin::Origin;
use crate::trust::ChainResult;

/// What is known of a client.
///
/// Everything that takes time or I/O to find out is found out before, and stands here as a value. What is not known is
/// absent; nothing that is absent counts as proven. OCSP answers, registry states and second factors will be fields of
/// their own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// What became of the certificates that the client presented.
    pub chain: ChainResult,
    /// The time to judge by.
    pub time: UnixTime,
    /// How the client comes.
    pub origin: Origin,
}

impl Evidence {
    /// A chain, judged at `time`.
    pub fn new(chain: ChainResult, time: UnixTime) -> Self {
        Self { chain, time, origin: Origin::default() }
    }

    /// A client that comes like this.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }
}
