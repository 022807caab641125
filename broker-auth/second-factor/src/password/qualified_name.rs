//! [`QualifiedName`]: what a password file calls an identity.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use authenticator::trust::Namespace;
use device_identity::{DeviceId, DeviceIdError};

/// `namespace/name`, as [`Identity::qualified`](authenticator::identity::Identity::qualified) writes it. It names an
/// identity, and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName(Box<str>);

/// Why a text is no `namespace/name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QualifiedNameError {
    /// There is no slash in it.
    #[error("an identity is written namespace/name, and there is no slash")]
    NoSlash,
    /// What is in front of the slash is no namespace.
    #[error("the namespace: {0}")]
    Namespace(DeviceIdError),
    /// What is behind the slash names no device and no service.
    #[error("the name: {0}")]
    Name(DeviceIdError),
}

impl QualifiedName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QualifiedName {
    type Err = QualifiedNameError;

    fn from_str(text: &str) -> Result<Self, QualifiedNameError> {
        let (namespace, name) = text.split_once('/').ok_or(QualifiedNameError::NoSlash)?;
        Namespace::new(namespace).map_err(QualifiedNameError::Namespace)?;
        // A service's name has the same grammar.
        DeviceId::new(name).map_err(QualifiedNameError::Name)?;
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for QualifiedName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_namespace_and_a_name_are_one() {
        for text in ["device-ca/pump-1", "a/b", "plant.1:x/pump_1"] {
            assert_eq!(text.parse::<QualifiedName>().expect(text).as_str(), text);
        }
        for text in
            ["", "pump-1", "/pump-1", "device-ca/", "a/b/c", "-/unverified-1", "a /b", "a/ b", "a/b:", "ä/b"]
        {
            // A colon may end a name; nothing else of these is one.
            assert_eq!(text.parse::<QualifiedName>().is_ok(), text == "a/b:", "{text:?}");
        }
    }
}
