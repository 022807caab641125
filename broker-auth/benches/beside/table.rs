//! [`Table`]: figures of servers beside each other.

use std::fmt;

use crate::server::Kind;

/// One measured number, or a few that belong together.
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
    /// In the order that the figure names.
    Three([f64; 3]),
    /// Not within the time given.
    Never,
}

/// Rows in the order in which they came.
pub(crate) struct Table {
    /// What it is about.
    pub(crate) title: &'static str,
    /// Who stands beside countersign-broker.
    rival: Option<Kind>,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    unit: &'static str,
    goal: &'static str,
    ours: Option<Value>,
    theirs: Option<Value>,
}

impl Table {
    pub(crate) fn new(title: &'static str, rival: Option<Kind>) -> Self {
        Self { title, rival, rows: Vec::new() }
    }

    pub(crate) fn enter(&mut self, kind: Kind, figure: Figure) {
        let row = match self.rows.iter().position(|row| row.what == figure.what) {
            Some(index) => index,
            None => {
                let Figure { what, unit, goal, .. } = figure;
                self.rows.push(Row { what, unit, goal, ours: None, theirs: None });
                self.rows.len() - 1
            }
        };
        let cell = match kind {
            Kind::Countersign => &mut self.rows[row].ours,
            Kind::Mosquitto | Kind::Nginx => &mut self.rows[row].theirs,
        };
        *cell = Some(figure.value);
    }

    /// The numbers of the rows that begin with `prefix`, as far as both have one: ours, and theirs.
    pub(crate) fn numbers(&self, prefix: &str) -> Vec<(f64, Option<f64>)> {
        let number = |value: Option<Value>| match value {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        let rows = self.rows.iter().filter(|row| row.what.starts_with(prefix));
        rows.filter_map(|row| Some((number(row.ours)?, number(row.theirs)))).collect()
    }

    /// A row of headings, then the others. Without a rival there is nothing to compare.
    fn cells(&self) -> Vec<Vec<String>> {
        let mut rows = vec![vec![String::new(), "countersign".to_owned()]];
        if let (Some(rival), Some(headings)) = (self.rival, rows.first_mut()) {
            headings.extend([rival.to_string(), "ratio".to_owned()]);
        }
        rows[0].push("goal".to_owned());
        let show = |value: Option<Value>| value.map_or_else(String::new, |value| value.to_string());
        rows.extend(self.rows.iter().map(|row| {
            let ratio = match (row.ours, row.theirs) {
                (Some(Value::Number(ours)), Some(Value::Number(theirs))) if theirs > 0.0 => {
                    format!("{:.2}", ours / theirs)
                }
                _ => String::new(),
            };
            let unit = if row.unit.is_empty() { String::new() } else { format!(", {}", row.unit) };
            let mut cells = vec![format!("{}{unit}", row.what), show(row.ours)];
            if self.rival.is_some() {
                cells.extend([show(row.theirs), ratio]);
            }
            cells.push(row.goal.to_owned());
            cells
        }));
        rows
    }

    /// With its title, as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", self.title);
        for (index, row) in self.cells().iter().enumerate() {
            text += &format!("| {} |\n", row.join(" | "));
            if index == 0 {
                text += &format!("|---|{}---|\n", "---:|".repeat(row.len() - 2));
            }
        }
        text
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Never => f.write_str("never"),
            Self::Number(number) if number >= 1000.0 => write!(f, "{number:.0}"),
            Self::Number(number) if number >= 10.0 => write!(f, "{number:.1}"),
            Self::Number(number) => write!(f, "{number:.3}"),
            Self::Three([first, second, third]) => {
                write!(f, "{} / {} / {}", Self::Number(first), Self::Number(second), Self::Number(third))
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        let rows = self.cells();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let last = rows[0].len() - 1;
        let widths: Vec<usize> = (0..last).map(width).collect();
        for row in &rows {
            let mut line = format!("{:<1$}", row[0], widths[0]);
            for column in 1..last {
                line += &format!("  {:>1$}", row[column], widths[column]);
            }
            writeln!(f, "{}", format!("{line}  {}", row[last]).trim_end())?;
        }
        Ok(())
    }
}
