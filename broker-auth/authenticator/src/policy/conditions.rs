//! [`Match`]: the conditions of a policy.

use crate::identity::Identity;
use crate::trust::TrustName;

/// Whom a policy is for; every part that is given must fit. At least one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The trust that vouches for the client.
    pub trust: Option<TrustName>,
    /// The identities it is for.
    pub identity: Option<Vec<Box<str>>>,
}

impl Match {
    /// Whether every part that is given fits.
    pub(super) fn fits(&self, trust: &TrustName, identity: &Identity) -> bool {
        self.trust.as_ref().is_none_or(|wanted| wanted == trust)
            && self
                .identity
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|wanted| **wanted == *identity.as_str()))
    }
}
