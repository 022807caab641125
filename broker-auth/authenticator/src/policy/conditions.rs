//! [`Match`]: the conditions of a policy.

use super::condition::{Circumstances, Condition, all};
use super::identity_match::IdentityMatch;
use super::verdicts::Verdicts;
use crate::identity::Client;
use crate::trust::{Namespace, TrustName};

/// Whom a policy is for; every part that is given must fit. At least one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What must have become of the certificate.
    pub verdicts: Verdicts,
    /// The trust that vouches for the client.
    pub trust: Option<TrustName>,
    /// The identities it is for.
    pub identity: Option<Vec<IdentityMatch>>,
    /// What else must hold.
    pub conditions: Vec<Condition>,
}

impl Match {
    /// Whether it is for all clients of the trust and the verdicts.
    pub(super) fn is_for_all(&self) -> bool {
        self.identity.is_none() && self.conditions.is_empty()
    }

    /// Whether it is for every client that `other` is for.
    pub fn covers(&self, other: &Self) -> bool {
        let of_trust = self.trust.is_none() || self.trust == other.trust;
        let of_identity = match (&self.identity, &other.identity) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(ours), Some(theirs)) => {
                theirs.iter().all(|wanted| ours.iter().any(|one| one.covers(wanted)))
            }
        };
        let of_conditions = self.conditions.is_empty() || self.conditions == other.conditions;
        of_trust && of_identity && of_conditions && self.verdicts.cover(&other.verdicts)
    }

    /// Whether it is for some clients of `trust`, whose names belong to `namespace`.
    pub fn fits_some_of(&self, trust: &TrustName, namespace: &Namespace) -> bool {
        let is_of_trust = self.trust.as_ref().is_none_or(|wanted| wanted == trust);
        let is_of_namespace =
            |wanted: &Vec<IdentityMatch>| wanted.iter().any(|wanted| wanted.is_in(namespace));
        self.verdicts.include_success() && is_of_trust && self.identity.as_ref().is_none_or(is_of_namespace)
    }

    /// Whether there is a name that it is for in `namespace`, and `other` in `others`.
    pub(super) fn may_share_a_name(&self, namespace: &Namespace, other: &Self, others: &Namespace) -> bool {
        let (Some(ours), Some(theirs)) = (&self.identity, &other.identity) else { return true };
        let theirs = || theirs.iter().filter(|wanted| wanted.is_in(others));
        ours.iter()
            .filter(|wanted| wanted.is_in(namespace))
            .any(|ours| theirs().any(|other| other.is_same_name(ours)))
    }

    /// Whether every part that is given fits.
    pub(super) fn fits(&self, client: &Client, circumstances: &Circumstances) -> bool {
        let identity = client.identity();
        self.verdicts.fit(client.verdict())
            && self.trust.as_ref().is_none_or(|wanted| Some(wanted) == client.trust_name())
            && self.identity.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted.fits(identity)))
            // What is not known is not met.
            && all(&self.conditions, client, circumstances) == Some(true)
    }
}
