//! [`EscapedJson`]: JSON in which nothing steers the terminal that shows it.

use device_identity::is_steering;
use std::io::{self, Write};

/// Passes JSON on, with what steers a terminal spelled out; whoever parses it reads the same texts. Each text of the
/// document is written by one call, as serde_json does.
pub(super) struct EscapedJson<W>(pub(super) W);

impl<W: Write> Write for EscapedJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "JSON that is not UTF-8"));
        };
        let mut plain = 0;
        // Line ends are the document's own: those of texts are escaped already.
        for (at, character) in text.char_indices().filter(|(_, c)| *c != '\n' && is_steering(*c)) {
            self.0.write_all(text.get(plain..at).unwrap_or_default().as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(self.0, "\\u{unit:04x}")?;
            }
            plain = at + character.len_utf8();
        }
        self.0.write_all(text.get(plain..).unwrap_or_default().as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parsed_is_the_same_and_nothing_steers() {
        let text = "plain ü 漢\n\u{1b}[2J\u{9b}31m\u{202e}\u{feff}\u{e0001}\u{7f}";
        let mut written = Vec::new();
        serde_json::to_writer_pretty(EscapedJson(&mut written), &[text, ""]).unwrap();
        let json = String::from_utf8(written).unwrap();
        assert!(!json.chars().any(|character| character != '\n' && is_steering(character)), "{json:?}");
        assert!(
            json.contains("plain ü 漢\\n\\u001b[2J\\u009b31m\\u202e\\ufeff\\udb40\\udc01\\u007f"),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text, ""]);
    }
}
