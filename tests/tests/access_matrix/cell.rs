//! [`Cell`]: what a client is to meet.

use std::fmt;

use crate::area::Area;

/// What a client meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A TLS alert of this name.
    Alert(String),
    /// A refusal in the protocol's own terms, for this reason.
    Refused(String),
    /// It is in, and this area is its own, and no other.
    In(Area),
    /// None of these.
    Odd(String),
}

impl Cell {
    /// What the matrix says.
    pub(crate) fn of_matrix(text: &str) -> Self {
        match (text.strip_prefix("alert:"), Area::called(text)) {
            (Some(alert), _) => Self::Alert(alert.to_owned()),
            (None, Some(area)) => Self::In(area),
            (None, None) => Self::Refused(text.to_owned()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => write!(f, "alert:{alert}"),
            Self::Refused(reason) => f.write_str(reason),
            Self::In(area) => f.write_str(area.name()),
            Self::Odd(what) => write!(f, "{what:?}"),
        }
    }
}
