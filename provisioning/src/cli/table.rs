//! [`Table`]: lines in columns that fit the terminal.

use std::fmt::Write as _;
use std::io;

use device_identity::Printable;

use super::failure::Failure;
use super::output;

/// How wide a terminal is that does not say.
const COLUMNS: usize = 80;

/// What is between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// What it is called.
    pub(super) title: &'static str,
    /// How wide its longest text is.
    pub(super) width: usize,
}

/// Columns that fit: of those that do not, the last are left out. The first is always there.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
}

impl Table {
    /// Prints the titles of those columns that fit.
    pub(super) fn begin(columns: &[Column]) -> Result<Self, Failure> {
        let kept = fitting(columns, width());
        let table = Self { columns: columns.iter().copied().take(kept).collect() };
        if let Some(left_out) = columns.get(kept..).filter(|left_out| !left_out.is_empty()) {
            let titles: Vec<_> = left_out.iter().map(|column| column.title).collect();
            output::note(format_args!(
                "no room for {}: they are in a wider terminal, in --csv and in --json",
                titles.join(", ")
            ));
        }
        table.row(columns.iter().map(|column| column.title))?;
        Ok(table)
    }

    /// Prints a line. Each text is printed escaped, and those of columns that do not fit are not.
    pub(super) fn row<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        let mut line = String::new();
        for (column, text) in self.columns.iter().zip(texts) {
            // Writing to a text does not fail.
            let _ = write!(
                line,
                "{:<width$}",
                Printable(text).to_string(),
                width = column.width.max(column.title.len()) + GAP
            );
        }
        output::line(line.trim_end())
    }
}

/// How many of these columns fit, the first in any case.
fn fitting(columns: &[Column], width: usize) -> usize {
    let mut room = width + GAP;
    let fits = |column: &&Column| match room.checked_sub(column.width.max(column.title.len()) + GAP) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    columns.iter().take_while(fits).count().max(1)
}

/// How wide a line may be: what `COLUMNS` or the terminal says.
fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|width| *width > 0);
    said.or_else(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    })
    .unwrap_or(COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_columns_are_left_out_and_never_the_first() {
        let columns = |widths: &[usize]| -> Vec<Column> {
            widths.iter().map(|width| Column { title: "AB", width: *width }).collect()
        };
        for (widths, width, fit) in [
            (&[10, 10][..], 22, 2),
            (&[10, 10], 21, 1),
            (&[100, 1], 80, 1),
            (&[0, 0, 0], 10, 3),
            (&[0, 0, 0], 9, 2),
            (&[10, 60, 1], 80, 3),
            (&[10, 70, 1], 82, 2),
        ] {
            assert_eq!(fitting(&columns(widths), width), fit, "{widths:?} in {width}");
        }
    }
}
