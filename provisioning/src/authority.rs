//! [`Authority`]: one of the three separate CAs of a fleet.

use std::fmt;

use serde::{Serialize, Serializer};

/// One of the three separate CAs, each a root and an issuing CA.
///
/// The roots are separate so that no certificate of one kind can be taken for one of another: a device certificate does
/// not chain to the anchor by which devices trust their broker, and no service can pass for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Authority {
    /// Signs device certificates.
    Device,
    /// Signs certificates of back-end services.
    Service,
    /// Signs the certificate the broker presents.
    Broker,
}

impl Authority {
    /// All three, in the order in which `init` creates them.
    pub(crate) const ALL: [Self; 3] = [Self::Device, Self::Service, Self::Broker];

    /// The authorities that publish a CRL. The broker's certificates are short-lived instead, because constrained
    /// devices have no room for CRLs.
    pub(crate) const WITH_CRL: [Self; 2] = [Self::Device, Self::Service];

    /// The name of its directory and its CRL, and the name in the registry.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Device => "device-ca",
            Self::Service => "service-ca",
            Self::Broker => "broker-ca",
        }
    }

    /// The word in the common names of its CA certificates.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Device => "Device",
            Self::Service => "Service",
            Self::Broker => "Broker",
        }
    }

    /// The authority of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|authority| authority.name() == name)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Authority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
