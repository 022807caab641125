//! [`DeviceId`]: a newtype with one constructor that validates.

use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a fleet calls a device: `[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`.
///
/// The alphabet is the common ground of the four places a device id ends up in: an MQTT client id, one topic level
/// (so no `/`, `+`, `#`), a file name (so no leading dot, no separator) and a certificate's common name (64
/// characters at most, RFC 5280 appendix A, `ub-common-name`).
///
/// ```
/// use device_identity::{DeviceId, DeviceIdError};
///
/// let id: DeviceId = "pump-0042".parse()?;
/// assert_eq!(id.as_str(), "pump-0042");
/// assert_eq!(DeviceId::new("pump/0042"), Err(DeviceIdError::BadCharacter { found: '/', position: 4 }));
/// # Ok::<(), DeviceIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(heapless::String<{ Self::MAX_LEN }>);

impl DeviceId {
    /// The longest device id, in bytes (all of them ASCII).
    pub const MAX_LEN: usize = 64;

    /// Parses a device id. There is no other way to make one.
    pub fn new(text: &str) -> Result<Self, DeviceIdError> {
        for (position, found) in text.char_indices() {
            match found {
                'A'..='Z' | 'a'..='z' | '0'..='9' => {}
                _ if position == 0 => return Err(DeviceIdError::BadStart { found }),
                '.' | '_' | ':' | '-' => {}
                _ => return Err(DeviceIdError::BadCharacter { found, position }),
            }
        }
        if text.is_empty() {
            return Err(DeviceIdError::Empty);
        }
        match heapless::String::try_from(text) {
            Ok(text) => Ok(Self(text)),
            Err(_) => Err(DeviceIdError::TooLong { length: text.len() }),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no device id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceIdError {
    /// Nothing at all.
    Empty,
    /// More than [`DeviceId::MAX_LEN`] characters.
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// The first character is neither a letter nor a digit.
    BadStart {
        /// That character.
        found: char,
    },
    /// A character outside `A-Z a-z 0-9 . _ : -`.
    BadCharacter {
        /// That character.
        found: char,
        /// Where it stands, in bytes from the start.
        position: usize,
    },
}

impl fmt::Display for DeviceIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the device id is empty"),
            Self::TooLong { length } => {
                write!(f, "the device id has {length} characters, at most {} fit", DeviceId::MAX_LEN)
            }
            Self::BadStart { found } => {
                write!(f, "the device id starts with {found:?}, it must start with a letter or a digit")
            }
            Self::BadCharacter { found, position } => write!(
                f,
                "the device id has {found:?} at position {position}, only letters, digits and . _ : - are allowed"
            ),
        }
    }
}

impl core::error::Error for DeviceIdError {}

impl FromStr for DeviceId {
    type Err = DeviceIdError;

    fn from_str(text: &str) -> Result<Self, DeviceIdError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for DeviceId {
    type Error = DeviceIdError;

    fn try_from(text: &str) -> Result<Self, DeviceIdError> {
        Self::new(text)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({})", self.as_str())
    }
}

impl AsRef<str> for DeviceId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for DeviceId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    /// Goes through [`DeviceId::new`], so stored data cannot bring in an id that was never parsed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DeviceIdVisitor;

        impl Visitor<'_> for DeviceIdVisitor {
            type Value = DeviceId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a device id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DeviceId, E> {
                DeviceId::new(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(DeviceIdVisitor)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn sixty_four_characters_fit_and_sixty_five_do_not() {
        let long: String = core::iter::repeat_n('a', 65).collect();
        assert_eq!(DeviceId::new(&long), Err(DeviceIdError::TooLong { length: 65 }));
        assert_eq!(DeviceId::new(&long[..64]).map(|id| id.to_string()).as_deref(), Ok(&long[..64]));
    }

    #[test]
    fn what_would_be_special_elsewhere_is_refused() {
        for text in [
            "", ".", "..", ".hidden", "-rf", "a/b", "a+b", "a#", "a b", "a\0b", "a\nb", "é", "aé", "$SYS",
            "a\\b",
        ] {
            assert!(DeviceId::new(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn every_refusal_reads_differently() {
        let errors = [
            DeviceIdError::Empty,
            DeviceIdError::TooLong { length: 65 },
            DeviceIdError::BadStart { found: 'x' },
            DeviceIdError::BadCharacter { found: 'x', position: 1 },
        ]
        .map(|error| error.to_string());
        for (index, error) in errors.iter().enumerate() {
            assert!(!errors[index + 1..].contains(error), "{error}");
        }
    }

    proptest! {
        #[test]
        fn accepts_exactly_its_grammar(text in "\\PC{0,70}|[A-Za-z0-9._:-]{0,70}") {
            let grammar = !text.is_empty()
                && text.len() <= 64
                && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
            prop_assert_eq!(DeviceId::new(&text).is_ok(), grammar);
        }

        #[test]
        fn prints_what_was_parsed(text in "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}") {
            let id = DeviceId::new(&text).unwrap();
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
