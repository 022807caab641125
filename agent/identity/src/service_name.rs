//! [`ServiceName`]: what a fleet calls a back-end client.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, DeviceIdError};

/// What a fleet calls a back-end client: `[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`, the grammar of a [`DeviceId`].
///
/// The two have the same grammar because a service, too, ends up in an MQTT client id, a file name and a common name,
/// and because no name of a fleet may stand for both. They are separate types so that nothing that wants a device
/// takes a service.
///
/// ```
/// use device_identity::{DeviceIdError, ServiceName};
///
/// let name: ServiceName = "historian".parse()?;
/// assert_eq!(name.as_str(), "historian");
/// assert_eq!(ServiceName::new(""), Err(DeviceIdError::Empty));
/// # Ok::<(), DeviceIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceName(DeviceId);

impl ServiceName {
    /// Parses a service name. Deserializing goes through the same check, by [`DeviceId`].
    pub fn new(text: &str) -> Result<Self, DeviceIdError> {
        DeviceId::new(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ServiceName {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, DeviceIdError> {
        Self::new(text)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceName({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::format;

    proptest! {
        #[test]
        fn accepts_exactly_what_a_device_id_accepts(text in "\\PC{0,70}|[A-Za-z0-9._:-]{0,70}") {
            let (name, id) = (ServiceName::new(&text), DeviceId::new(&text));
            prop_assert_eq!(name.as_ref().map(ServiceName::as_str), id.as_ref().map(DeviceId::as_str));
        }
    }

    #[test]
    fn is_serialized_as_its_text_and_deserialized_only_if_it_parses() {
        let name = ServiceName::new("historian").unwrap();
        let mut buffer = [0; 16];
        let bytes = postcard::to_slice(&name, &mut buffer).unwrap();
        assert_eq!(bytes, b"\x09historian");
        assert_eq!(postcard::from_bytes(bytes), Ok(name));
        assert!(postcard::from_bytes::<ServiceName>(b"\x01/").is_err());
    }

    #[test]
    fn prints_its_text_padded_as_asked() {
        let name = ServiceName::new("historian").unwrap();
        assert_eq!(format!("{name:<12}|{name:?}"), "historian   |ServiceName(historian)");
    }
}
