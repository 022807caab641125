//! `matrix.md`, read.

use integration_tests::markdown_table::MarkdownTable;

use crate::cell::Cell;
use crate::column::Column;
use crate::shown::Shown;

const MATRIX: &str = include_str!("matrix.md");

/// A certificate of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Certificate {
    pub(crate) name: &'static str,
    /// Whether a CA of a trust has issued it, and nothing is wrong with it.
    pub(crate) is_proven: bool,
    /// What is wrong with it, or with the name in it.
    pub(crate) reason: Option<&'static str>,
}

impl Certificate {
    /// The verdict, if one is reached: the name of a proven one may be nobody's.
    pub(crate) fn verdict(&self) -> Option<String> {
        match (self.is_proven, self.reason) {
            (true, None) => Some("SUCCESS".to_owned()),
            (true, Some(_)) => None,
            (false, Some("no_certificate")) => Some("NONE".to_owned()),
            (false, reason) => Some(format!("FAILED:{}", reason.expect("it is not proven for a reason"))),
        }
    }
}

/// A row: who comes, and what it is to meet in each column.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) certificate: Certificate,
    pub(crate) shown: Vec<Shown>,
    pub(crate) cells: Vec<Cell>,
}

/// The matrix.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

impl Matrix {
    pub(crate) fn read() -> Self {
        let [certificates, matrix] =
            <[MarkdownTable<'_>; 2]>::try_from(MarkdownTable::all(MATRIX)).expect("two tables");
        let certificates: Vec<_> = certificates.rows.iter().map(|row| certificate(row)).collect();
        let columns: Vec<_> = matrix.header[3..].iter().map(|name| Column::called(name)).collect();
        let row = |cells: &Vec<&'static str>| Row {
            certificate: *certificates
                .iter()
                .find(|certificate| certificate.name == cells[0])
                .unwrap_or_else(|| panic!("certificate {}", cells[0])),
            shown: cells[2].split(", ").map(|what| Shown::called(cells[1], what)).collect(),
            cells: cells[3..].iter().map(|cell| Cell::of_matrix(cell)).collect(),
        };
        Self { columns, rows: matrix.rows.iter().map(row).collect() }
    }
}

fn certificate(row: &[&'static str]) -> Certificate {
    let is_proven = match row[1] {
        "yes" => true,
        "no" => false,
        other => panic!("proven: {other}"),
    };
    Certificate { name: row[0], is_proven, reason: Some(row[2]).filter(|reason| *reason != "-") }
}
