//! [`Authority`]: one of the three separate CAs of a fleet.

use std::fmt;

use serde::{Serialize, Serializer};

/// One of the three separate CAs, each a root and an issuing CA.
///
/// Three roots, so that no certificate of one kind can ever be taken for one of another: a device certificate does
/// not chain to what a device trusts its broker by, and no service can pass for a device.
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
    /// All three, in the order they are made.
    pub const ALL: [Self; 3] = [Self::Device, Self::Service, Self::Broker];

    /// Those whose certificates are revoked by CRL. Nobody checks a CRL for the broker: its certificates are
    /// short-lived instead (constrained devices have no room for CRLs).
    pub const WITH_CRL: [Self; 2] = [Self::Device, Self::Service];

    /// The name: of its directory, its CRL, and in the registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device-ca",
            Self::Service => "service-ca",
            Self::Broker => "broker-ca",
        }
    }

    /// The word its certificates' subjects carry.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Device => "Device",
            Self::Service => "Service",
            Self::Broker => "Broker",
        }
    }

    /// The authority of this name.
    pub fn by_name(name: &str) -> Option<Self> {
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
