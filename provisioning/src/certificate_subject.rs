//! [`CertificateSubject`]: whom an end-entity certificate is for.

use std::fmt;

use device_identity::{DeviceId, ServiceName};

use crate::authority::Authority;
use crate::broker::Hosts;

/// Whom an end-entity certificate is for. It determines the authority, the common name, the alternative names and the
/// extended key usage. (`device_identity::Subject` is narrower: the attributes of a device's distinguished name.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CertificateSubject {
    /// A device.
    Device(DeviceId),
    /// A back-end client.
    Service(ServiceName),
    /// The broker, under all its host names.
    Broker(Hosts),
}

/// The common name of the broker's certificates. TLS clients ignore it: a server is identified by its subject
/// alternative names (RFC 9525 §2).
const BROKER_COMMON_NAME: &str = "broker";

impl CertificateSubject {
    /// The subject of an authority's probe certificate, which is neither registered nor written to a file.
    pub(crate) fn probe(authority: Authority) -> Option<Self> {
        match authority {
            Authority::Device => "probe".parse().ok().map(Self::Device),
            Authority::Service => "probe".parse().ok().map(Self::Service),
            Authority::Broker => Hosts::new(vec!["probe.invalid".parse().ok()?]).map(Self::Broker),
        }
    }

    /// The authority that certifies this subject.
    pub(crate) fn authority(&self) -> Authority {
        match self {
            Self::Device(_) => Authority::Device,
            Self::Service(_) => Authority::Service,
            Self::Broker(_) => Authority::Broker,
        }
    }

    /// The value of the one CN attribute.
    pub(crate) fn common_name(&self) -> &str {
        match self {
            Self::Device(id) => id.as_str(),
            Self::Service(name) => name.as_str(),
            Self::Broker(_) => BROKER_COMMON_NAME,
        }
    }

    /// The identity in the registry; the broker has none.
    pub(crate) fn identity(&self) -> Option<&str> {
        match self {
            Self::Device(id) => Some(id.as_str()),
            Self::Service(name) => Some(name.as_str()),
            Self::Broker(_) => None,
        }
    }
}

impl fmt::Display for CertificateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device {id}"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::Broker(hosts) => write!(f, "the broker {}", hosts.first()),
        }
    }
}
