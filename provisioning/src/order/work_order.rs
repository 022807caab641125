//! [`WorkOrder`]: the work order that a person names.

use std::fmt;
use std::str::FromStr;

use crate::spelling::{Likeness, Meaning, trimmed};

/// The work order that a person names: it stands for all spellings that mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkOrder {
    typed: String,
    meaning: Meaning,
}

/// The name of a work order has no character that is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a work order has a name that is not blank")]
pub(crate) struct BlankWorkOrder;

impl FromStr for WorkOrder {
    type Err = BlankWorkOrder;

    fn from_str(text: &str) -> Result<Self, BlankWorkOrder> {
        let meaning = Meaning::of(text);
        match meaning.is_empty() {
            true => Err(BlankWorkOrder),
            false => Ok(Self { typed: trimmed(text).to_owned(), meaning }),
        }
    }
}

impl WorkOrder {
    /// What it means.
    pub(crate) fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// How it looks, to find what it may be taken for.
    pub(crate) fn likeness(&self) -> Likeness {
        Likeness::of(&self.typed)
    }
}

impl fmt::Display for WorkOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}
