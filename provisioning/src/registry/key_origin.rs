//! [`KeyOrigin`]: who made a private key.

use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Where a private key was generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// Here, by this program; the key is in the files it was written to and nowhere else.
    Factory,
    /// On the device, which sent a signing request.
    Device,
    /// Not known: the certificate was read back from a file.
    Unknown,
}

impl KeyOrigin {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Factory, Self::Device, Self::Unknown];

    /// The name in the registry, in JSON and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Factory => "factory",
            Self::Device => "device",
            Self::Unknown => "unknown",
        }
    }
}

/// No key origin has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such key origin")]
pub(crate) struct NoSuchKeyOrigin;

impl FromStr for KeyOrigin {
    type Err = NoSuchKeyOrigin;

    fn from_str(text: &str) -> Result<Self, NoSuchKeyOrigin> {
        Self::ALL.into_iter().find(|origin| origin.name() == text).ok_or(NoSuchKeyOrigin)
    }
}

impl Serialize for KeyOrigin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
