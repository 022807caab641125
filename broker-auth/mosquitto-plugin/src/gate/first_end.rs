//! [`FirstEnd`]: when the first second factor of all sessions ends.

use authenticator::policy::Permit;
use rustls_pki_types::UnixTime;

/// When the first second factor of all sessions ends, or earlier: its session may have ended before.
///
/// Whoever has such a session is cut off in that second, though nothing has changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstEnd(Option<u64>);

impl FirstEnd {
    /// There is a session by `permit`.
    pub(super) fn note(&mut self, permit: &Permit) {
        let end = end_of(permit);
        self.0 = self.0.into_iter().chain(end).min();
    }

    /// Whether one has ended.
    pub(super) fn has_come(self, now: UnixTime) -> bool {
        self.0.is_some_and(|end| end <= now.as_secs())
    }
}

/// Whether the second factor of `permit` has ended.
pub(super) fn has_ended(permit: &Permit, now: UnixTime) -> bool {
    end_of(permit).is_some_and(|end| end <= now.as_secs())
}

/// The first second, since 1970, at which the second factor of `permit` has ended, if it does.
fn end_of(permit: &Permit) -> Option<u64> {
    permit.factor().and_then(|factor| factor.expires()).map(|expires| expires.as_secs())
}
