//! Texts that people typed, pasted or exported, such as work orders: what surrounds them unseen, and when two of them
//! mean the same.

use std::convert::Infallible;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

/// Whether a character takes no ink at the end of a text: white space, and the invisible characters that come along
/// when a text is copied from a web page, a certificate dialog or a spreadsheet.
fn is_unseen(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{206f}' | '\u{feff}'
        )
}

/// The text without what surrounds it unseen.
pub(crate) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_unseen)
}

/// What a text means: two texts that differ in unseen characters, in the kind and number of spaces between words or in
/// how an accented letter is encoded mean the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Meaning(String);

impl Meaning {
    /// The meaning of `text`.
    pub(crate) fn of(text: &str) -> Self {
        let text = trimmed(text);
        if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_whitespace()) {
            return Self(text.to_owned());
        }
        let seen: String =
            text.chars().filter(|&character| character.is_whitespace() || !is_unseen(character)).collect();
        Self(seen.split_whitespace().collect::<Vec<_>>().join(" ").nfc().collect())
    }

    /// Whether the text has no character that is seen.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text in one spelling of all that mean the same.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Meaning {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::of(text))
    }
}

/// How a text looks: the same for texts that a person may take for one another, and that need not mean the same. Case,
/// the kind of dash, spaces, and full-width forms do not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Likeness(String);

impl Likeness {
    /// How `text` looks.
    pub(crate) fn of(text: &str) -> Self {
        let plain = Meaning::of(text).0.nfkc().collect::<String>().to_lowercase();
        let letters = plain.chars().filter(|character| !character.is_whitespace());
        Self(letters.map(|letter| if is_dash(letter) { '-' } else { letter }).collect())
    }

    /// The letters and digits alone.
    pub(crate) fn alphanumeric(&self) -> String {
        self.0.chars().filter(|letter| letter.is_alphanumeric()).collect()
    }

    /// How near another text is, for proposals: 1 is the same.
    pub(crate) fn nearness(&self, other: &Self) -> f64 {
        strsim::jaro_winkler(&self.0, &other.0)
    }
}

fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_text_unseen_is_trimmed_and_what_is_within_stays() {
        for unseen in
            [" ", "\t", "\u{a0}", "\u{2007}", "\u{202f}", "\u{3000}", "\u{200b}", "\u{200e}", "\u{feff}"]
        {
            let text = format!("{unseen}WO{unseen}1{unseen}{unseen}");
            assert_eq!(trimmed(&text), format!("WO{unseen}1"), "{unseen:?}");
            assert_eq!(trimmed(unseen), "", "{unseen:?}");
        }
        assert_eq!(trimmed("-WO 1."), "-WO 1.");
    }

    #[test]
    fn texts_mean_the_same_whatever_spaces_and_encodings_they_have() {
        let same = |one: &str, other: &str| Meaning::of(one) == Meaning::of(other);
        assert!(same("WO 1", " WO\u{a0}1\u{a0}"));
        assert!(same("WO 1", "WO \u{2003} 1"));
        assert!(same("WO-1", "WO\u{200b}-1"));
        assert!(same("Stra\u{df}e \u{e4}", "Stra\u{df}e a\u{308}"));
        assert!(!same("WO 1", "WO1"));
        assert!(!same("WO-1", "wo-1"));
        assert!(!same("WO-1", "WO\u{2013}1"));
        assert!(Meaning::of("\u{a0} \t").is_empty());
    }

    #[test]
    fn texts_look_alike_in_any_case_with_any_dash_and_in_full_width() {
        for other in ["wo-1", "WO\u{2013}1", "WO_1", "\u{ff37}\u{ff2f}\u{ff0d}\u{ff11}", "WO\u{2011} 1"] {
            assert_eq!(Likeness::of("WO-1"), Likeness::of(other), "{other:?}");
        }
        assert_ne!(Likeness::of("WO-1"), Likeness::of("WO-10"));
    }
}
