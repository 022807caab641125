//! The identity that a proven certificate maps to.

mod alternatives;
mod client;
mod template;

pub use alternatives::{Alternative, Alternatives, IdentityTemplate};
pub use client::{Client, UnprovenClient};
pub use template::{CertificateField, Pattern, PatternError, Template, TemplateError, Useless};

use std::fmt;
use std::sync::Arc;

use device_identity::{DeviceId, ServiceName};

use crate::certificate::{Fingerprint, PeerCertificate, Serial};
use crate::reason::{Reason, Refusal};
use crate::trust::{Namespace, Role, TrustName, VerifiedChain};

/// What a verified certificate maps to: a name in a namespace. The same name in another namespace is another client, and
/// a service is no device, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    namespace: Namespace,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Device(DeviceId),
    Service(ServiceName),
    /// Made up here: nothing that an unproven certificate says names anybody.
    Unproven(Box<str>),
}

impl Identity {
    /// What the name belongs to.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The name, without saying of what.
    pub fn name(&self) -> &str {
        match &self.name {
            Name::Device(id) => id.as_str(),
            Name::Service(name) => name.as_str(),
            Name::Unproven(name) => name,
        }
    }

    /// Somebody of whom only this is known: a text that no certificate of a trust leads to.
    fn unproven(name: String) -> Self {
        Self { namespace: Namespace::unproven(), name: Name::Unproven(name.into()) }
    }

    /// The device id; others have none.
    pub fn device_id(&self) -> Option<&DeviceId> {
        match &self.name {
            Name::Device(id) => Some(id),
            Name::Service(_) | Name::Unproven(_) => None,
        }
    }

    /// `namespace/name`, which no other namespace has.
    pub fn qualified(&self) -> String {
        format!("{}/{}", self.namespace, self.name())
    }
}

/// The name alone, as people call the client.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
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
    let leaf = chain.leaf();
    let name = match chain.role() {
        Role::Device => template
            .device_id
            .expand(leaf)
            .and_then(|text| DeviceId::new(&text).map(Name::Device).map_err(|error| error.to_string())),
        Role::Service => template
            .service_name
            .expand(leaf)
            .and_then(|text| ServiceName::new(&text).map(Name::Service).map_err(|error| error.to_string())),
    };
    let identity = name.map(|name| Identity { namespace: chain.namespace().clone(), name });
    match identity {
        Ok(identity) => Ok(VerifiedClient(Arc::new(Inner { identity, chain }))),
        Err(evidence) => Err(chain.leaf().refused(Reason::UnmappedIdentity, evidence)),
    }
}
