//! [`Printable`]: a text that others wrote, as a terminal may see it.

use std::fmt::{self, Display, Write};

/// Displays a value on one line, with whatever steers a terminal, or the direction of writing, spelled out: a name in a
/// certificate, or a column of an order, can neither hide a word nor add a line.
pub(crate) struct Printable<T>(pub(crate) T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, lines: false }, "{}", self.0)
    }
}

/// Displays a text of this program, which has lines of its own.
pub(crate) struct PrintableLines<T>(pub(crate) T);

impl<T: Display> Display for PrintableLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { to: f, lines: true }, "{}", self.0)
    }
}

struct Escaping<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    lines: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| match character {
            '\n' if self.lines => self.to.write_char(character),
            steering if is_steering(steering) => write!(self.to, "{}", steering.escape_default()),
            plain => self.to.write_char(plain),
        })
    }
}

/// Control characters, the line ends of Unicode, and what changes the direction of writing (UAX #9) or cannot be seen.
pub(crate) fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out_and_other_text_stays() {
        for (text, shown) in [
            ("plain, ü, 漢字, 👩‍🔧", "plain, ü, 漢字, 👩‍🔧"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("a\r\nerror: no\tb", r"a\r\nerror: no\tb"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("bin.\u{202e}cod", r"bin.\u{202e}cod"),
            ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
            ("a\u{2028}b\u{feff}\0", r"a\u{2028}b\u{feff}\u{0}"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
        assert_eq!(PrintableLines("a\n  b\u{1b}").to_string(), "a\n  b\\u{1b}");
    }
}
