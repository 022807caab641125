//! [`IdentityMatch`]: an identity as policies name it.

use std::fmt;
use std::str::FromStr;

use device_identity::{DeviceIdError, ServiceName};

use crate::identity::Identity;
use crate::trust::Namespace;

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

    /// Whether it is for `identity`.
    pub(super) fn fits(&self, identity: &Identity) -> bool {
        self.name.as_str() == identity.name() && self.is_in(identity.namespace())
    }

    /// Whether it is for every identity that `other` is for.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.namespace.is_none() || self.namespace == other.namespace)
    }

    /// Whether both name one name, of whatever namespace.
    pub(super) fn is_same_name(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// Whether it is for names of `namespace`.
    pub(super) fn is_in(&self, namespace: &Namespace) -> bool {
        self.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
    }
}
