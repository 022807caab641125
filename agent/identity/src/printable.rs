//! [`Printable`]: a text that others wrote, as a log or a terminal may see it.

use core::fmt::{self, Display, Write};

/// Displays a value on one line, with whatever steers a terminal, or the direction of writing, escaped as
/// [`char::escape_default`] does: `\n`, `\u{1b}`.
///
/// The author of the text can then neither begin a new line in a log, nor send commands to a terminal, nor have a word
/// read backwards. A backslash is not escaped: the output is for people, and cannot be read back.
///
/// ```
/// use device_identity::Printable;
///
/// assert_eq!(Printable("pump\n\u{1b}[2J").to_string(), "pump\\n\\u{1b}[2J");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Printable<T>(pub T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, is_escaped: is_steering }, "{}", self.0)
    }
}

/// Displays a text that has lines of its own; the rest is escaped as by [`Printable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrintableLines<T>(pub T);

impl<T: Display> Display for PrintableLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_escaped = |character| character != '\n' && is_steering(character);
        write!(Escaping { to: f, is_escaped }, "{}", self.0)
    }
}

/// Control characters, the line ends of Unicode, and what changes the direction of writing (UAX #9) or cannot be seen.
pub fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

struct Escaping<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    is_escaped: fn(char) -> bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Whole stretches at a time: text without such characters is the rule, and is one write.
        for part in text.split_inclusive(self.is_escaped) {
            match part.char_indices().next_back() {
                Some((at, character)) if (self.is_escaped)(character) => {
                    self.to.write_str(part.get(..at).unwrap_or_default())?;
                    for escaped in character.escape_default() {
                        self.to.write_char(escaped)?;
                    }
                }
                _ => self.to.write_str(part)?,
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
    fn what_steers_a_terminal_is_spelled_out_and_other_text_stays() {
        for (text, shown) in [
            ("", ""),
            ("pump-0042", "pump-0042"),
            ("\n", "\\n"),
            ("\t\0end", "\\t\\u{0}end"),
            ("Zoë 🦀 \\ \" '", "Zoë 🦀 \\ \" '"),
            ("plain, ü, 漢字, 👩‍🔧", "plain, ü, 漢字, 👩‍🔧"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("a\r\nerror: no\tb", r"a\r\nerror: no\tb"),
            // C1 controls too: some terminals take U+009B for ESC [.
            ("\u{9b}2J\u{7f}", r"\u{9b}2J\u{7f}"),
            ("bin.\u{202e}cod", r"bin.\u{202e}cod"),
            ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
            ("a\u{2028}b\u{feff}\0", r"a\u{2028}b\u{feff}\u{0}"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
        assert_eq!(PrintableLines("a\n  b\u{1b}\r").to_string(), "a\n  b\\u{1b}\\r");
    }

    proptest! {
        #[test]
        fn it_prints_what_escaping_each_character_gives(text in any::<String>()) {
            let expected = text.chars().fold(String::new(), |mut out, character| {
                if is_steering(character) {
                    out.extend(character.escape_default());
                } else {
                    out.push(character);
                }
                out
            });
            let printed = Printable(&text).to_string();
            prop_assert!(!printed.chars().any(is_steering));
            prop_assert_eq!(printed, expected);
        }
    }
}
