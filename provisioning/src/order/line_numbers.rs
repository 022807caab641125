//! [`LineNumbers`]: the line at which a record begins, as an editor counts lines.

/// Counts the lines of a text up to ascending positions.
///
/// The position that the csv crate reports is not used: it is taken before the line ends that precede a record, so it
/// is one too low after CR LF and too low by the number of blank lines.
pub(super) struct LineNumbers<'a> {
    text: &'a [u8],
    position: usize,
    line: u64,
}

impl<'a> LineNumbers<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self { text, position: 0, line: 1 }
    }

    /// The line of the first byte from `position` on that is no line end. Positions must not descend.
    pub(super) fn line_from(&mut self, position: usize) -> u64 {
        while let Some(&byte) = self.text.get(self.position) {
            let ends_line = match byte {
                b'\n' => true,
                b'\r' => self.text.get(self.position + 1) != Some(&b'\n'),
                _ if self.position >= position => break,
                _ => false,
            };
            self.line += u64::from(ends_line);
            self.position += 1;
        }
        self.line
    }
}
