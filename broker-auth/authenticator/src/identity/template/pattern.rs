//! [`Pattern`]: the part of a text that is an identity.

use std::str::FromStr;

use regex::{Regex, RegexBuilder};

/// How much a compiled pattern may take, bytes.
const SIZE_LIMIT: usize = 256 * 1024;

/// A regular expression that a text must match as a whole. What its first group matches is taken, or, without a group,
/// the whole text. Matching takes time in proportion to the text.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no regular expression, or takes too much room.
    #[error("it is no regular expression: {0}")]
    Syntax(String),
    /// Which of several groups is meant?
    #[error("it has {0} groups: one says what is taken, and others are written (?:…)")]
    Groups(usize),
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        // Alone first: something like `a)|(b` would be another expression between parentheses.
        let build = |text: &str| {
            RegexBuilder::new(text)
                .size_limit(SIZE_LIMIT)
                .build()
                .map_err(|error| PatternError::Syntax(error.to_string().replace('\n', " ")))
        };
        let groups = build(text)?.captures_len() - 1;
        if groups > 1 {
            return Err(PatternError::Groups(groups));
        }
        build(&format!(r"\A(?:{text})\z")).map(Self)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// What is taken of `text`. `None`: it does not match.
    pub(in crate::identity) fn take<'a>(&self, text: &'a str) -> Option<&'a str> {
        let captures = self.0.captures(text)?;
        captures.get(1).or_else(|| captures.get(0)).map(|taken| taken.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_must_match_and_the_group_is_taken() {
        for (pattern, text, taken) in [
            ("pump-([0-9]+)", "pump-17", Some("17")),
            ("pump-([0-9]+)", "pump-17x", None),
            ("pump-([0-9]+)", "apump-17", None),
            ("pump-[0-9]+", "pump-17", Some("pump-17")),
            ("a|b", "b", Some("b")),
            ("a|b", "ab", None),
            ("^pump$", "pump\n", None),
            ("(?:hall|site)-(.+)", "hall-pump-1", Some("pump-1")),
        ] {
            assert_eq!(pattern.parse::<Pattern>().unwrap().take(text), taken, "{pattern} {text:?}");
        }
        for wrong in ["(", "a)|(b", "(a)(b)", "(?P<a>a)(?P<b>b)", "a{1000}{1000}", "[", r"\"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }
}
