//! [`ServiceName`].

use std::fmt;

use device_identity::{DeviceId, DeviceIdError};

/// What a fleet calls a back-end client.
///
/// It follows the grammar of a device id because the two share one namespace, but it is a type of its own: nothing
/// that wants a device takes a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(DeviceId);

impl ServiceName {
    /// Parses a service name.
    pub fn new(text: &str) -> Result<Self, DeviceIdError> {
        DeviceId::new(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceName({self})")
    }
}
