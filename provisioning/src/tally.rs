//! [`Tally`]: a list of things a person is told of, which may have thousands of entries.

use std::fmt;

/// How many entries are printed one by one.
const PRINTED: usize = 20;

/// Something that is told one by one, or counted by its kind.
pub(crate) trait Counted: fmt::Display {
    /// The kind, in a few words.
    fn kind(&self) -> &'static str;
}

/// Prints the first entries, each on a line of its own, and counts the others by kind.
pub(crate) struct Tally<'a, T>(pub &'a [T]);

impl<T: Counted> fmt::Display for Tally<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (printed, counted) = self.0.split_at_checked(PRINTED).unwrap_or((self.0, &[]));
        printed.iter().try_for_each(|entry| write!(f, "\n  {entry}"))?;
        if counted.is_empty() {
            return Ok(());
        }
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for entry in counted {
            match kinds.iter_mut().find(|(kind, _)| *kind == entry.kind()) {
                Some((_, count)) => *count += 1,
                None => kinds.push((entry.kind(), 1)),
            }
        }
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        write!(f, "\n  and {} more:", counted.len())?;
        kinds.iter().try_for_each(|(kind, count)| write!(f, "\n  {count:>7} × {kind}"))
    }
}
