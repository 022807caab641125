//! [`Log`]: where lines for the operator go, and how they are made fit for it.

use std::ffi::CString;

/// The octets of a line that arrive: mosquitto cuts at about 500, its own words included.
const LINE_LEN: usize = 450;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// What happens all the time.
    Info,
    /// What an operator wants to know.
    Notice,
    /// What an operator should look at.
    Warning,
    /// What is broken.
    Error,
}

/// Where lines for the operator go: mosquitto's log.
pub trait Log {
    /// Writes one line. Whatever the text contains, it is one line, and no format.
    fn write(&self, level: Level, text: &str);
}

/// `text` as one line of C: what controls a terminal, or ends a line or a text, is escaped, and what is too long is cut.
pub(crate) fn line(text: &str) -> CString {
    let mut line = String::with_capacity(text.len().min(LINE_LEN));
    for character in text.chars() {
        let before = line.len();
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        if line.len() > LINE_LEN {
            line.truncate(before);
            line.push('…');
            break;
        }
    }
    // A NUL is a control character, so there is none.
    CString::new(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_whatever_a_peer_says() {
        let line = line("client \"a\nb\0c\u{1b}[2Jd\u{9b}e\" %s %n");
        assert_eq!(line.to_str().unwrap(), "client \"a\\nb\\u{0}c\\u{1b}[2Jd\\u{9b}e\" %s %n");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        for character in ["a", "ü", "€", "🦀", "\n", "\0"] {
            for prefix in 0..8 {
                let text = "x".repeat(prefix) + &character.repeat(1000);
                let line = line(&text).into_string().unwrap();
                assert!(line.ends_with('…') && line.len() <= LINE_LEN + '…'.len_utf8(), "{line}");
                assert!(line.len() > LINE_LEN - 16, "{line}");
            }
        }
        assert_eq!(line(&"a".repeat(LINE_LEN)).to_bytes().len(), LINE_LEN, "it fits");
    }
}
