//! What came out, for people: as text, and as Markdown.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use crate::server::Kind;

/// One measured number.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: String,
    /// In what it is counted.
    pub(crate) unit: &'static str,
    /// The number; [`Value::Never`] where it did not happen.
    pub(crate) value: Value,
    /// What was hoped for.
    pub(crate) goal: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    /// Not within the time given.
    Never,
}

/// Rows in the order in which they came.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

struct Row {
    what: String,
    unit: &'static str,
    goal: &'static str,
    ours: Option<Value>,
    theirs: Option<Value>,
}

/// The table stands between these in a Markdown file.
const START: &str = "<!-- beside: start -->\n";
const END: &str = "<!-- beside: end -->\n";

impl Table {
    pub(crate) fn enter(&mut self, kind: Kind, figure: Figure) {
        let row = match self.0.iter().position(|row| row.what == figure.what) {
            Some(index) => index,
            None => {
                let Figure { what, unit, goal, .. } = figure;
                self.0.push(Row { what, unit, goal, ours: None, theirs: None });
                self.0.len() - 1
            }
        };
        let cell = match kind {
            Kind::Countersign => &mut self.0[row].ours,
            Kind::Mosquitto => &mut self.0[row].theirs,
        };
        *cell = Some(figure.value);
    }

    /// The numbers of the rows that begin with `prefix`, as far as both have one: ours, and theirs.
    pub(crate) fn numbers(&self, prefix: &str) -> Vec<(f64, Option<f64>)> {
        let number = |value: Option<Value>| match value {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        let rows = self.0.iter().filter(|row| row.what.starts_with(prefix));
        rows.filter_map(|row| Some((number(row.ours)?, number(row.theirs)))).collect()
    }

    fn cells(&self) -> Vec<[String; 5]> {
        let mut cells = vec![["", "countersign", "mosquitto", "ratio", "goal"].map(str::to_owned)];
        cells.extend(self.0.iter().map(|row| {
            let ratio = match (row.ours, row.theirs) {
                (Some(Value::Number(ours)), Some(Value::Number(theirs))) if theirs > 0.0 => {
                    format!("{:.2}", ours / theirs)
                }
                _ => String::new(),
            };
            let show = |value: Option<Value>| value.map_or_else(String::new, |value| value.to_string());
            [
                format!("{}, {}", row.what, row.unit),
                show(row.ours),
                show(row.theirs),
                ratio,
                row.goal.to_owned(),
            ]
        }));
        cells
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.cells().iter().enumerate() {
            text += &format!("| {} |\n", row.join(" | "));
            if index == 0 {
                text += "|---|---:|---:|---:|---|\n";
            }
        }
        text
    }

    /// Puts the table in the place of the one in a Markdown file.
    pub(crate) fn replace_in(&self, file: &Path) -> io::Result<()> {
        let text = fs::read_to_string(file)?;
        let parts = text.split_once(START).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let Some((before, after)) = parts else {
            return Err(io::Error::other(format!("{} has no place for the table: {START}", file.display())));
        };
        fs::write(file, format!("{before}{START}\n{}\n{END}{after}", self.markdown()))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Never => f.write_str("never"),
            Self::Number(number) if number >= 1000.0 => write!(f, "{number:.0}"),
            Self::Number(number) if number >= 10.0 => write!(f, "{number:.1}"),
            Self::Number(number) => write!(f, "{number:.3}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells();
        let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        for [what, ours, theirs, ratio, goal] in &cells {
            let [a, b, c, d] = widths;
            let line = format!("{what:<a$}  {ours:>b$}  {theirs:>c$}  {ratio:>d$}  {goal}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
