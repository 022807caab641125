//! [`Match`]: the conditions of a policy.

use std::fmt;
use std::str::FromStr;

use device_identity::{DeviceIdError, ServiceName};

use super::verdicts::Verdicts;
use crate::identity::{Client, Identity};
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
}

/// An identity that a policy names: `name`, in whatever namespace, or `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityMatch {
    namespace: Option<Namespace>,
    /// Devices and services follow one grammar; a name outside it would never match.
    name: ServiceName,
}

impl FromStr for IdentityMatch {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, DeviceIdError> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.parse()?), name),
            None => (None, text),
        };
        Ok(Self { namespace, name: name.parse()? })
    }
}

impl fmt::Display for IdentityMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => self.name.fmt(f),
        }
    }
}

impl IdentityMatch {
    /// The namespace, if it is given.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    fn fits(&self, identity: &Identity) -> bool {
        self.name.as_str() == identity.name() && self.is_in(identity.namespace())
    }

    fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.namespace.is_none() || self.namespace == other.namespace)
    }

    fn is_in(&self, namespace: &Namespace) -> bool {
        self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
    }
}

impl Match {
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
        of_trust && of_identity && self.verdicts.cover(&other.verdicts)
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
            .any(|ours| theirs().any(|other| other.name == ours.name))
    }

    /// Whether every part that is given fits.
    pub(super) fn fits(&self, client: &Client) -> bool {
        let identity = client.identity();
        self.verdicts.fit(client.verdict())
            && self.trust.as_ref().is_none_or(|wanted| Some(wanted) == client.trust_name())
            && self.identity.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted.fits(identity)))
    }
}
