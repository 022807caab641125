//! The sections of a PEM file, with the lines where they begin.

use crate::pem::{self, PemError, Section};

/// What begins the first line of a section.
const BEGIN: &str = "-----BEGIN ";

/// A section of a PEM file.
pub(super) struct FileSection<'a> {
    /// Which it is, from 1.
    pub(super) number: usize,
    /// The line at which it begins, from 1.
    pub(super) line: usize,
    /// The text from there to the next section.
    pub(super) text: &'a str,
}

impl<'a> FileSection<'a> {
    /// The sections of a text, in their order.
    pub(super) fn all(text: &'a str) -> Vec<Self> {
        let mut begins = Vec::new();
        let mut offset = 0;
        // Old Macs end lines with a carriage return alone.
        let end = if text.contains('\n') { '\n' } else { '\r' };
        for (line, number) in text.split_inclusive(end).zip(1..) {
            if line.trim_start().starts_with(BEGIN) {
                begins.push((number, offset));
            }
            offset += line.len();
        }
        let ends = begins.iter().skip(1).map(|&(_, offset)| offset).chain([text.len()]);
        let sections = begins.iter().zip(ends).zip(1..);
        sections
            .filter_map(|((&(line, begin), end), number)| {
                Some(Self { number, line, text: text.get(begin..end)?.trim_start() })
            })
            .collect()
    }

    /// The label.
    pub(super) fn label(&self) -> &'a str {
        let first = self.text.split(['\r', '\n']).next().unwrap_or_default();
        first.strip_prefix(BEGIN).unwrap_or_default().trim_end().trim_end_matches('-')
    }

    /// The content; `None` if the label is none that is read, a reason if it is damaged.
    pub(super) fn decode(&self) -> Result<Option<Section>, String> {
        // Its line would be counted from where the section begins.
        let sections = pem::decode(self.text.as_bytes()).map_err(|error| match error {
            PemError::NoEnd { label, .. } => format!("BEGIN {label} has no END {label}"),
            PemError::NotBase64 { label, .. } => format!("what follows BEGIN {label} is not base64"),
            PemError::TooLong => error.to_string(),
        })?;
        Ok(sections.into_iter().next())
    }
}
