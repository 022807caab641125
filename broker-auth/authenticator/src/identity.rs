//! The identity that a proven certificate maps to.

mod template;

pub use template::{IdentityTemplate, Template, TemplateError};

use std::fmt;
use std::sync::Arc;

use device_identity::{DeviceId, ServiceName};

use crate::certificate::{Fingerprint, PeerCertificate, Serial};
use crate::reason::{Reason, Refusal};
use crate::trust::{Role, TrustName, VerifiedChain};

/// What a verified certificate maps to. Device and service names share one namespace, but a service is no device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A device.
    Device(DeviceId),
    /// A back-end client.
    Service(ServiceName),
}

impl Identity {
    /// The name, without saying of what.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Device(id) => id.as_str(),
            Self::Service(name) => name.as_str(),
        }
    }

    /// The device id; a service has none.
    pub fn device_id(&self) -> Option<&DeviceId> {
        match self {
            Self::Device(id) => Some(id),
            Self::Service(_) => None,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A client whose certificate is proven and yields an identity. Made by [`identify`] alone; cheap to clone.
#[derive(Clone, Debug)]
pub struct VerifiedClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    identity: Identity,
    chain: VerifiedChain,
}

impl VerifiedClient {
    /// The identity.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// The proof it rests on, for as long as the session lives.
    pub fn chain(&self) -> &VerifiedChain {
        &self.0.chain
    }

    /// Its certificate.
    pub fn certificate(&self) -> &PeerCertificate {
        self.0.chain.leaf()
    }

    /// The trust that vouches for it.
    pub fn trust_name(&self) -> &TrustName {
        self.0.chain.trust_name()
    }

    /// The serial number of its certificate.
    pub fn serial(&self) -> &Serial {
        self.certificate().serial()
    }

    /// SHA-256 of its certificate.
    pub fn fingerprint_sha256(&self) -> Fingerprint {
        self.certificate().fingerprint_sha256()
    }
}

/// Reads the identity out of a proven chain. The only way to a [`VerifiedClient`].
///
/// # Errors
/// The certificate has no value, or several, for a field of the template, or what they make up is no identity.
pub fn identify(chain: VerifiedChain, template: &IdentityTemplate) -> Result<VerifiedClient, Refusal> {
    let identity = match chain.role() {
        Role::Device => template
            .device_id
            .expand(chain.leaf())
            .and_then(|text| DeviceId::new(&text).map(Identity::Device).map_err(|error| error.to_string())),
        Role::Service => template.service_name.expand(chain.leaf()).and_then(|text| {
            ServiceName::new(&text).map(Identity::Service).map_err(|error| error.to_string())
        }),
    };
    match identity {
        Ok(identity) => Ok(VerifiedClient(Arc::new(Inner { identity, chain }))),
        Err(evidence) => Err(chain.leaf().refused(Reason::UnmappedIdentity, evidence)),
    }
}
