//! [`Verdict`]: what became of a client's certificate, in a word.

use std::fmt;

use crate::reason::Reason;

/// What became of a client's certificate. Only on a permissive listener is it ever another than success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is proven.
    Success,
    /// It is not, and this is why.
    Failed(Reason),
    /// There is none.
    None,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("SUCCESS"),
            Self::Failed(reason) => write!(f, "FAILED:{reason}"),
            Self::None => f.write_str("NONE"),
        }
    }
}
