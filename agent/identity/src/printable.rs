//! [`Printable`]: text of a peer, made safe for one line of a log.

use core::fmt::{self, Write as _};

/// Displays text with every control character escaped as [`char::escape_default`] does: `\n`, `\u{1b}`.
///
/// The sender of the text can then neither begin a new line in a log nor send commands to a terminal. A
/// backslash is not escaped: the output is for people, and cannot be read back.
///
/// ```
/// use device_identity::Printable;
///
/// assert_eq!(Printable("pump\n\u{1b}[2J").to_string(), "pump\\n\\u{1b}[2J");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole stretches at a time: text without control characters is the rule, and is one write.
        for part in self.0.split_inclusive(char::is_control) {
            match part.char_indices().next_back() {
                Some((at, character)) if character.is_control() => {
                    f.write_str(part.get(..at).unwrap_or_default())?;
                    for escaped in character.escape_default() {
                        f.write_char(escaped)?;
                    }
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};

    #[test]
    fn control_characters_are_escaped_and_everything_else_is_left_alone() {
        for (text, printed) in [
            ("", ""),
            ("pump-0042", "pump-0042"),
            ("\n", "\\n"),
            ("a\r\nb", "a\\r\\nb"),
            ("\t\0end", "\\t\\u{0}end"),
            ("Zoë 🦀 \\ \" '", "Zoë 🦀 \\ \" '"),
            // C1 controls too: some terminals take U+009B for ESC [.
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
        ] {
            assert_eq!(Printable(text).to_string(), printed);
        }
    }

    proptest! {
        #[test]
        fn it_prints_what_escaping_each_character_gives(text in any::<String>()) {
            let expected = text.chars().fold(String::new(), |mut out, character| {
                if character.is_control() {
                    out.extend(character.escape_default());
                } else {
                    out.push(character);
                }
                out
            });
            let printed = Printable(&text).to_string();
            prop_assert!(!printed.chars().any(char::is_control));
            prop_assert_eq!(printed, expected);
        }
    }
}
