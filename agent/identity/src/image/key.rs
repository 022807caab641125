//! The device's private key, or where it is kept.

use core::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bytes;

/// The private key that belongs to the certificate of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PrivateKey<'a> {
    /// A P-256 scalar, big endian (SEC 1 §C.4 calls it `privateKey`).
    P256(&'a [u8; 32]),
    /// The key stays in a secure element or key store, in the slot of this number.
    Slot(u32),
}

/// Says which kind of key it is and never the key.
impl fmt::Debug for PrivateKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256(_) => f.write_str("P256(<redacted>)"),
            Self::Slot(number) => write!(f, "Slot({number})"),
        }
    }
}

/// How a key lies in the image. *Warning:* this shape is stored in flash; add at the end, never reorder.
#[derive(Serialize, Deserialize)]
enum Stored<'a> {
    P256(#[serde(serialize_with = "bytes::one")] &'a [u8]),
    Slot(u32),
}

impl Serialize for PrivateKey<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::P256(scalar) => Stored::P256(scalar),
            Self::Slot(number) => Stored::Slot(number),
        }
        .serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PrivateKey<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Stored::deserialize(deserializer)? {
            Stored::P256(scalar) => match scalar.try_into() {
                Ok(scalar) => Ok(Self::P256(scalar)),
                Err(_) => Err(D::Error::invalid_length(scalar.len(), &"32 bytes")),
            },
            Stored::Slot(number) => Ok(Self::Slot(number)),
        }
    }
}
