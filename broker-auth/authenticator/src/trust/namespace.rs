//! [`Namespace`]: within which a name stands for one client.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use device_identity::{DeviceId, DeviceIdError};

/// The namespace of the identities that a trust vouches for. Two CAs may both have issued a certificate for `pump-1`; the
/// two are different clients unless their trusts share a namespace on purpose.
///
/// It has the grammar of a device id, so that `namespace/name` reads one way only and is a level of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The namespace called `name`.
    ///
    /// # Errors
    /// It is not spelt as a device id.
    pub fn new(name: &str) -> Result<Self, DeviceIdError> {
        DeviceId::new(name).map(|_| Self(name.into()))
    }

    /// The namespace of clients without a proven certificate. No trust can have it: a device id does not begin with that.
    pub fn unproven() -> Self {
        Self("-".into())
    }

    /// Whether it is that one.
    pub fn is_unproven(&self) -> bool {
        &*self.0 == "-"
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = DeviceIdError;

    fn from_str(name: &str) -> Result<Self, DeviceIdError> {
        Self::new(name)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
