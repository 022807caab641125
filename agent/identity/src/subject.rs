//! [`Subject`] ⇄ [`DeviceId`]: the one place where a certificate's subject becomes a device, and back.

use core::fmt;

use crate::{DeviceId, DeviceIdError};

/// The part of a certificate's subject that names a device: `O=<organization>, CN=<device id>`.
///
/// ```
/// use device_identity::{DeviceId, Subject};
///
/// let id = DeviceId::new("pump-0042")?;
/// let subject = Subject::new(&id, "Acme Pumps");
/// assert_eq!(subject.to_string(), "CN=pump-0042,O=Acme Pumps");
/// assert_eq!(DeviceId::from_common_names([subject.common_name()])?, id);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    device_id: &'a DeviceId,
    organization: &'a str,
}

impl<'a> Subject<'a> {
    /// The subject a factory gives to `device_id`.
    pub fn new(device_id: &'a DeviceId, organization: &'a str) -> Self {
        Self { device_id, organization }
    }

    /// The device this subject names.
    pub fn device_id(&self) -> &'a DeviceId {
        self.device_id
    }

    /// The value of the one CN attribute (OID 2.5.4.3).
    pub fn common_name(&self) -> &'a str {
        self.device_id.as_str()
    }

    /// The value of the O attribute (OID 2.5.4.10).
    pub fn organization(&self) -> &'a str {
        self.organization
    }
}

/// Most significant part last, as RFC 4514 prints a distinguished name; for people, not for comparisons.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CN={},O=", self.common_name())?;
        for character in self.organization.chars() {
            if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

impl DeviceId {
    /// The device a verified certificate belongs to, from all values of its CN attributes.
    ///
    /// Exactly one is required. Taking the first of several, as many brokers do, lets whoever can have a
    /// certificate with two names choose which device to be.
    pub fn from_common_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, SubjectError> {
        let mut names = names.into_iter();
        let name = names.next().ok_or(SubjectError::NoCommonName)?;
        if names.next().is_some() {
            return Err(SubjectError::SeveralCommonNames);
        }
        Self::new(name).map_err(SubjectError::DeviceId)
    }
}

/// Why a subject names no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectError {
    /// The subject has no common name.
    NoCommonName,
    /// The subject has more than one common name.
    SeveralCommonNames,
    /// It has one, which is no device id.
    DeviceId(DeviceIdError),
}

impl fmt::Display for SubjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommonName => write!(f, "the subject has no common name"),
            Self::SeveralCommonNames => write!(f, "the subject has more than one common name"),
            Self::DeviceId(error) => write!(f, "the common name is no device id: {error}"),
        }
    }
}

impl core::error::Error for SubjectError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::DeviceId(error) => Some(error),
            Self::NoCommonName | Self::SeveralCommonNames => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_common_name_is_required_and_two_are_one_too_many() {
        assert_eq!(DeviceId::from_common_names([]), Err(SubjectError::NoCommonName));
        assert_eq!(DeviceId::from_common_names(["dev-1", "dev-1"]), Err(SubjectError::SeveralCommonNames));
        assert_eq!(DeviceId::from_common_names(["dev-1"]).as_ref().map(DeviceId::as_str), Ok("dev-1"));
        assert_eq!(
            DeviceId::from_common_names(["dev+1"]),
            Err(SubjectError::DeviceId(DeviceIdError::BadCharacter { found: '+', position: 3 }))
        );
    }

    #[test]
    fn an_organization_cannot_forge_another_attribute_when_printed() {
        extern crate std;
        use std::string::ToString;

        let id = DeviceId::new("dev-1").unwrap();
        assert_eq!(Subject::new(&id, "Acme, CN=dev-2").to_string(), "CN=dev-1,O=Acme\\, CN=dev-2");
    }
}
