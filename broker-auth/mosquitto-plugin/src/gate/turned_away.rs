//! [`TurnedAway`]: a client that is not admitted.

use authenticator::identity;
use authenticator::reason::Refusal;

/// A client that is not admitted.
pub(super) struct TurnedAway {
    /// Who it is, as far as that was found out.
    pub(super) whom: Option<identity::Client>,
    pub(super) refusal: Refusal,
}
