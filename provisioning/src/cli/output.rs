//! Printing: lines, tables or one JSON document on standard output, notes on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;

use device_identity::PrintableLines;
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer as _};
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

use super::escaped_json::EscapedJson;
use super::failure::Failure;

/// Prints a line.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    self::text(&format!("{}\n", PrintableLines(text)))
}

/// Prints lines that have their line ends.
pub(super) fn lines(text: &str) -> Result<(), Failure> {
    self::text(&PrintableLines(text).to_string())
}

/// Prints a text as it is.
pub(super) fn text(text: &str) -> Result<(), Failure> {
    io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

/// Prints one JSON document.
pub(super) fn json(document: &impl Serialize) -> Result<(), Failure> {
    let mut output = EscapedJson(io::BufWriter::new(io::stdout().lock()));
    serde_json::to_writer_pretty(&mut output, document)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(output))
        .and_then(|()| output.flush())
        .map_err(|error| Failure::output(&error))
}

/// Prints a JSON array element by element, so that memory does not grow with the fleet.
pub(super) fn json_array<T: Serialize>(
    fill: impl FnOnce(&mut dyn FnMut(&T) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: serde_json::Error| Failure::output(&error.into());
    let mut output = EscapedJson(io::BufWriter::new(io::stdout().lock()));
    let mut serializer = Serializer::with_formatter(&mut output, PrettyFormatter::new());
    let mut array = serializer.serialize_seq(None).map_err(failed)?;
    fill(&mut |element| array.serialize_element(element).map_err(failed))?;
    array.end().map_err(failed)?;
    writeln!(output).and_then(|()| output.flush()).map_err(|error| Failure::output(&error))
}

/// Says that a file could not be replaced as a whole.
pub(super) fn rewritten(path: &Path) {
    note(format_args!(
        "{} was rewritten where it is, since a new file could not have its owner: whoever read it in that moment may have \
         seen a part",
        path.display()
    ));
}

/// Prints a note, which is no error, on standard error.
pub(super) fn note(text: impl Display) {
    // Standard error that is closed cannot be told of.
    let _ = writeln!(io::stderr().lock(), "note: {}", PrintableLines(text));
}

/// Prints a warning: what was asked for is done, and something needs to be looked at.
pub(super) fn warning(text: impl Display) {
    // Standard error that is closed cannot be told of.
    let _ = writeln!(io::stderr().lock(), "warning: {}", PrintableLines(text));
}
