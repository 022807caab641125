//! [`Organization`]: the O attribute of every certificate of a fleet.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The longest organization name, in characters (RFC 5280 appendix A, `ub-organization-name`).
const MAX_CHARACTERS: usize = 64;

/// The name of the organization a fleet belongs to: 1 to 64 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization(String);

/// Why a text is no organization name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OrganizationError {
    /// The text is empty, or only spaces.
    #[error("the organization name is empty")]
    Empty,
    /// The text has too many characters.
    #[error("the organization name has {characters} characters, at most {MAX_CHARACTERS} fit a certificate")]
    TooLong {
        /// How many there are.
        characters: usize,
    },
    /// The text has a control character, or a space at an end.
    #[error("the organization name has a control character, or a space at an end")]
    Unprintable,
}

impl FromStr for Organization {
    type Err = OrganizationError;

    fn from_str(text: &str) -> Result<Self, OrganizationError> {
        let characters = text.chars().count();
        if text.trim().is_empty() {
            Err(OrganizationError::Empty)
        } else if characters > MAX_CHARACTERS {
            Err(OrganizationError::TooLong { characters })
        } else if text.trim() != text || text.chars().any(char::is_control) {
            Err(OrganizationError::Unprintable)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl Organization {
    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Organization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
