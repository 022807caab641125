//! CSV that a spreadsheet may open: no cell of it is taken for a formula.

use std::borrow::Cow;
use std::io;

use csv::{QuoteStyle, WriterBuilder};

use super::failure::Failure;
use crate::spelling::trimmed;

/// Prints a header and rows.
pub(super) fn print(
    header: &[String],
    fill: impl FnOnce(&mut dyn FnMut(&[String]) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: csv::Error| {
        Failure::output(&match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    };
    // Every cell is quoted, so that a program that splits at semicolons does not find a cell within a cell.
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).from_writer(io::stdout().lock());
    let mut row = |cells: &[String]| {
        writer.write_record(cells.iter().map(|text| cell(text).into_owned())).map_err(failed)
    };
    row(header)?;
    fill(&mut row)?;
    writer.flush().map_err(|error| Failure::output(&error))
}

/// A text that spreadsheets show as it is. Excel and LibreOffice compute what begins like a formula, and a work order
/// may have been typed by anybody; the apostrophe tells them that it is text.
fn cell(text: &str) -> Cow<'_, str> {
    let begins_a_formula = |first: char| "=+-@\t\r|%\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(first);
    match text.starts_with(begins_a_formula) || trimmed(text).starts_with(begins_a_formula) {
        true => format!("'{text}").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_becomes_text_and_all_else_stays() {
        for formula in
            ["=1+1", "+49", "-5", "@SUM(A1)", "\t=1", " =1", "\u{a0}=1", "\u{ff1d}1+1", "\u{200b}@x", "%0A"]
        {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        for text in ["", "WO-1", "a=b", "0001", "2036-11-27T02:16:39Z"] {
            assert_eq!(cell(text), text);
        }
    }
}
